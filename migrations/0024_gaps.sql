-- Settings of a server, answers to presses of actions, and what is held back found without reading all of it.

-- What a server's admins set for all of it. Without a row: UTC. A route stored before this was, with quiet hours and no
-- place, says UTC itself and keeps it.
CREATE TABLE guild_setting (
    guild_id   bigint PRIMARY KEY,
    -- As IANA has it, such as Europe/Berlin.
    time_zone  text NOT NULL,
    changed_at timestamptz NOT NULL
);

-- By which whoever decided for an action is told that it was refused. A row lives until the action is settled, and for 15
-- minutes at most.
CREATE TABLE approval_reply (
    approval_id       uuid PRIMARY KEY REFERENCES approval (id) ON DELETE CASCADE,
    guild_id          bigint NOT NULL,
    person_id         uuid NOT NULL,
    application_id    bigint NOT NULL,
    -- Sealed.
    interaction_token text NOT NULL,
    asked_at          timestamptz NOT NULL
);
CREATE INDEX approval_reply_old ON approval_reply (asked_at);

-- How often what was decided was refused.
ALTER TABLE approval ADD COLUMN refusals integer NOT NULL DEFAULT 0;

-- What waits in one place for one reason, and when the first and the last of it are due. The index is read once for each
-- place and reason, however much waits there.
CREATE INDEX held_waiting ON held (destination_id, reason, due_at) WHERE told_in IS NULL AND due_at IS NOT NULL;
DROP INDEX held_due;
CREATE VIEW held_group AS
    WITH RECURSIVE waiting AS (
        (SELECT h.destination_id, h.reason FROM held h WHERE h.told_in IS NULL AND h.due_at IS NOT NULL
         ORDER BY h.destination_id, h.reason LIMIT 1)
        UNION ALL
        SELECT n.destination_id, n.reason FROM waiting w CROSS JOIN LATERAL (
            SELECT h.destination_id, h.reason FROM held h
            WHERE h.told_in IS NULL AND h.due_at IS NOT NULL AND (h.destination_id, h.reason) > (w.destination_id, w.reason)
            ORDER BY h.destination_id, h.reason LIMIT 1) n
    )
    SELECT w.destination_id, w.reason,
        (SELECT min(h.due_at) FROM held h WHERE h.told_in IS NULL AND h.due_at IS NOT NULL
            AND h.destination_id = w.destination_id AND h.reason = w.reason) AS first_due_at,
        (SELECT max(h.due_at) FROM held h WHERE h.told_in IS NULL AND h.due_at IS NOT NULL
            AND h.destination_id = w.destination_id AND h.reason = w.reason) AS last_due_at
    FROM waiting w;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (24, 1);
