-- Checks of destinations are claimed: one that does not answer holds up no other, and is not asked by two.

ALTER TABLE destination ADD COLUMN check_not_before timestamptz;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (12, 1);
