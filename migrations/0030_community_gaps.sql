-- Roles that multiply what watching earns, and clips that a service makes of markers.

-- What an hour of a linked member is multiplied by, in percent, fixed when it is first counted: NULL as long as nobody
-- has asked, 100 where no role multiplies.
ALTER TABLE watch_hour ADD COLUMN percent smallint, ADD COLUMN multiplier_role_id bigint;
ALTER TABLE watch_hour ADD CONSTRAINT watch_hour_percent CHECK (percent BETWEEN 100 AND 1000) NOT VALID;

ALTER TABLE clip_marker
    -- When a clip is to be asked for (again); NULL: there is nothing to ask for.
    ADD COLUMN clip_due_at timestamptz,
    ADD COLUMN clip_calls  integer NOT NULL DEFAULT 0,
    -- Where the clip is, as the service answered.
    ADD COLUMN clip_url    text,
    -- Why there is none.
    ADD COLUMN clip_fault  text;
CREATE INDEX clip_marker_due ON clip_marker (clip_due_at) WHERE clip_due_at IS NOT NULL;

-- How long a clip is.
ALTER TABLE slot_setting ADD COLUMN clip_seconds integer NOT NULL DEFAULT 30
    CONSTRAINT slot_setting_clip_seconds CHECK (clip_seconds BETWEEN 5 AND 300);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (30, 1);
