-- Providers of slots, announcements that wait, lines of chat that count once, what a dashboard asked for and what became of
-- it, what multiplied hours were paid for.

-- Whose slots are not taken at present, and which slots are whose.
CREATE TABLE slot_provider (
    guild_id       bigint NOT NULL,
    -- In lower case with hyphens, as slots are known.
    slug           text NOT NULL,
    name           text NOT NULL,
    -- Its slots, as far as admins have listed them.
    slots          text[] NOT NULL DEFAULT '{}',
    -- Since when its slots are not taken; NULL: they are.
    unavailable_at timestamptz,
    reason         text NOT NULL DEFAULT '',
    PRIMARY KEY (guild_id, slug),
    CONSTRAINT slot_provider_slots CHECK (cardinality(slots) <= 500)
);

-- What was picked and is to be told later: the wheel of a dashboard still turns.
CREATE TABLE slot_announcement (
    id           uuid PRIMARY KEY,
    guild_id     bigint NOT NULL,
    -- NULL: nobody had asked for it in chat.
    slot_call_id uuid REFERENCES slot_call (id) ON DELETE CASCADE,
    -- The request that picked it.
    cause        text NOT NULL,
    slot         text NOT NULL,
    name         text NOT NULL,
    reward       text,
    due_at       timestamptz NOT NULL
);
CREATE INDEX slot_announcement_due ON slot_announcement (due_at);
CREATE INDEX slot_announcement_call ON slot_announcement (slot_call_id);

-- Lines of chat that timed messages wait for, each once however often it is heard. Kept only while one waits for lines.
CREATE TABLE chat_line (
    guild_id   bigint NOT NULL,
    message_id text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (guild_id, message_id)
);
CREATE INDEX chat_line_guild ON chat_line (guild_id, at);
CREATE INDEX chat_line_old ON chat_line (at);

-- Stored before it is carried out, and carried on by others when its process dies: `asked` until its effect is committed,
-- which makes it `carried` in the same transaction; `done` when whoever asked was answered, too.
ALTER TABLE dashboard_request
    ADD COLUMN id     uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN state  text NOT NULL DEFAULT 'done',
    -- What was asked for; gone when it is over.
    ADD COLUMN topic  text,
    ADD COLUMN body   text,
    -- What it did, as the audit log has it.
    ADD COLUMN effect jsonb,
    ADD COLUMN due_at timestamptz,
    ADD COLUMN tries  integer NOT NULL DEFAULT 0,
    ADD CONSTRAINT dashboard_request_state CHECK (state IN ('asked', 'carried', 'done', 'refused', 'failed'));
CREATE INDEX dashboard_request_due ON dashboard_request (due_at) WHERE state IN ('asked', 'carried');

-- How much of an hour that a role multiplies is in the ledger, so that an entry can name the hours it is for.
CREATE TABLE watch_paid (
    guild_id        bigint NOT NULL,
    viewer_id       uuid NOT NULL,
    kick_channel_id uuid NOT NULL,
    hour            integer NOT NULL,
    minutes         smallint NOT NULL,
    PRIMARY KEY (viewer_id, hour, kick_channel_id)
);
CREATE INDEX watch_paid_old ON watch_paid (hour);
INSERT INTO watch_paid (guild_id, viewer_id, kick_channel_id, hour, minutes)
    SELECT guild_id, viewer_id, kick_channel_id, hour, minutes FROM watch_hour WHERE percent > 100;

-- When whoever connected an account that Kick no longer knows was written to.
ALTER TABLE kick_account ADD COLUMN owner_told_at timestamptz;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (35, 1);
