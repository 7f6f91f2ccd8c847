-- The panel and the LAN party: sources of their own, parties as subjects, and how long a destination gathers notices.

ALTER TABLE source
    DROP CONSTRAINT source_kind,
    ADD CONSTRAINT source_kind CHECK (kind ~ '^[a-z_]+$');

ALTER TABLE subject
    DROP CONSTRAINT subject_kind,
    ADD CONSTRAINT subject_kind CHECK (kind ~ '^[a-z_]+$');

ALTER TABLE destination
    -- Null: as the configuration has it.
    ADD COLUMN batch_window_ms integer,
    ADD CONSTRAINT destination_batch_window CHECK (batch_window_ms BETWEEN 0 AND 60000);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (15, 1);
