-- Checks of destinations are claimed: one that does not answer holds up no other, and is not asked by two.

ALTER TABLE destination
    ADD COLUMN check_not_before timestamptz,
    -- The advisory lock that the checking process keeps; free means that the process is gone.
    ADD COLUMN check_owner bigint;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (12, 1);
