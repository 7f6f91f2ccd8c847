-- Approvals as a contract: what is decided and which call it means, the rules in force, votes, undo,
-- expiry, reminder and escalation.

-- What an older binary leaves out: it knows machines alone.
ALTER TABLE approval ALTER COLUMN asset_id SET DEFAULT '';
ALTER TABLE approval ALTER COLUMN hostname SET DEFAULT '';
ALTER TABLE approval ALTER COLUMN ip_address SET DEFAULT '';

ALTER TABLE approval
    ADD COLUMN kind text NOT NULL DEFAULT 'machine',
    ADD COLUMN title text NOT NULL DEFAULT '',
    -- What the card said when it was opened, by the names of the subject's fields.
    ADD COLUMN facts jsonb NOT NULL DEFAULT '{}',
    -- Null in rows of an older binary: the call about a machine that asset_id and company_id name.
    ADD COLUMN upstream_call jsonb,
    -- Who asked, as the source names them.
    ADD COLUMN requested_by text,
    -- The rules in force when it was opened.
    ADD COLUMN terms jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN needed integer NOT NULL DEFAULT 1,
    ADD COLUMN votes integer NOT NULL DEFAULT 0,
    -- Null: never, or done.
    ADD COLUMN expires_at timestamptz,
    ADD COLUMN remind_at timestamptz,
    ADD COLUMN escalate_at timestamptz,
    ADD COLUMN undone_by uuid,
    ADD COLUMN undone_at timestamptz,
    DROP CONSTRAINT approval_state,
    ADD CONSTRAINT approval_state CHECK (state IN
        ('requested', 'deciding', 'sent', 'unknown', 'confirmed', 'refused', 'elsewhere', 'superseded', 'expired')),
    -- Nothing is carried upstream for fewer people than are needed, whatever binary tries to.
    ADD CONSTRAINT approval_quorum CHECK (needed <= 1 OR votes >= needed OR verb IS DISTINCT FROM 'approve'
        OR state NOT IN ('deciding', 'sent', 'unknown'));

-- Who has approved, while more than one has to. A denial needs no second one.
CREATE TABLE approval_vote (
    approval_id uuid NOT NULL REFERENCES approval (id),
    person_id   uuid NOT NULL,
    voted_at    timestamptz NOT NULL,
    reason      text,
    PRIMARY KEY (approval_id, person_id)
);

CREATE INDEX approval_ticking ON approval (LEAST(expires_at, remind_at, escalate_at)) WHERE state = 'requested';
CREATE INDEX approval_open ON approval (guild_id, occurred_at) WHERE state IN
    ('requested', 'deciding', 'sent', 'unknown', 'refused');

-- What a guild's admins have set by command; what the environment says stands above it.
CREATE TABLE approval_rule (
    guild_id bigint NOT NULL,
    name     text NOT NULL,
    value    text NOT NULL,
    set_by   uuid,
    set_at   timestamptz NOT NULL,
    PRIMARY KEY (guild_id, name)
);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (7, 1);
