-- Actions of described sources: which of those on a card was pressed, and by which press.

ALTER TABLE approval
    -- The id of the action; empty where there are only approve and deny.
    ADD COLUMN choice text,
    -- Counts the decisions: each has an id of its own where it is carried, the same in every attempt.
    ADD COLUMN decision integer NOT NULL DEFAULT 0;

ALTER TABLE approval_vote ADD COLUMN choice text NOT NULL DEFAULT '';

INSERT INTO schema_compatibility (version, compatible_from) VALUES (22, 1);
