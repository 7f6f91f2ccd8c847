-- Who asked stays barred from approving, whatever becomes of the link that told who it is.

ALTER TABLE approval
    -- Keyed hashes of the Discord ids of members who were linked with the requester while this was open; none once
    -- it is decided.
    ADD COLUMN barred text[] NOT NULL DEFAULT '{}';

INSERT INTO schema_compatibility (version, compatible_from) VALUES (18, 1);
