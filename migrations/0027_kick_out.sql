-- Kick, outwards: accounts and their tokens, what is being authorised, what is to be said in chat, what was looked after.

-- An account at Kick that somebody has connected, with its tokens (encrypted).
CREATE TABLE kick_account (
    id                uuid PRIMARY KEY,
    guild_id          bigint NOT NULL,
    -- 'streamer': of a channel; 'bot': another account that speaks where the application's own bot may not.
    purpose           text NOT NULL CHECK (purpose IN ('streamer', 'bot')),
    kick_user_id      bigint NOT NULL,
    name              text NOT NULL,
    person_id         uuid NOT NULL,
    scope             text NOT NULL,
    access_token      text NOT NULL,
    refresh_token     text NOT NULL,
    access_expires_at timestamptz NOT NULL,
    refreshed_at      timestamptz NOT NULL,
    -- When the tokens are exchanged next.
    refresh_at        timestamptz NOT NULL,
    failures          integer NOT NULL DEFAULT 0,
    state             text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'needs_reauth')),
    connected_at      timestamptz NOT NULL,
    lease_token       uuid,
    leased_until      timestamptz,
    CONSTRAINT kick_account_once UNIQUE (guild_id, purpose, kick_user_id)
);
CREATE INDEX kick_account_due ON kick_account (refresh_at) WHERE state = 'active';
CREATE UNIQUE INDEX kick_account_one_bot ON kick_account (guild_id) WHERE purpose = 'bot';

-- An authorisation under way: who asked for it, where, and what comes back with the browser. The values themselves are
-- with the browser alone; here are their hashes, and the verifier (encrypted).
CREATE TABLE kick_oauth_state (
    id           uuid PRIMARY KEY,
    guild_id     bigint NOT NULL,
    person_id    uuid NOT NULL,
    purpose      text NOT NULL CHECK (purpose IN ('streamer', 'bot', 'link')),
    -- The link that the person was given in Discord.
    link_hash    bytea NOT NULL CONSTRAINT kick_oauth_state_link UNIQUE,
    discord_name text NOT NULL,
    guild_name   text NOT NULL,
    -- Since the person has consented: the state at Kick, and the cookie of their browser.
    state_hash   bytea CONSTRAINT kick_oauth_state_state UNIQUE,
    browser_hash bytea,
    verifier     text,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    used_at      timestamptz
);
CREATE INDEX kick_oauth_state_expires ON kick_oauth_state (expires_at);
CREATE INDEX kick_oauth_state_person ON kick_oauth_state (person_id);

-- What is to be said in a channel's chat, and what came of it.
CREATE TABLE kick_chat (
    id              uuid PRIMARY KEY,
    seq             bigint GENERATED ALWAYS AS IDENTITY,
    guild_id        bigint NOT NULL,
    kick_channel_id uuid NOT NULL REFERENCES kick_channel (id) ON DELETE CASCADE,
    text            text NOT NULL,
    reply_to        text,
    cause           text NOT NULL,
    -- 'unknown': nobody can say whether Kick has it; it is not said again.
    state           text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sending', 'sent', 'unknown', 'failed', 'expired')),
    attempts        integer NOT NULL DEFAULT 0,
    -- A long text goes as several messages: how many of them are said, and what Kick calls them.
    said            integer NOT NULL DEFAULT 0,
    message_ids     text[] NOT NULL DEFAULT '{}',
    error           text,
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    finished_at     timestamptz,
    CONSTRAINT kick_chat_once UNIQUE (guild_id, cause)
);
CREATE INDEX kick_chat_waiting ON kick_chat (kick_channel_id, seq) WHERE state IN ('queued', 'sending');
CREATE INDEX kick_chat_finished ON kick_chat (finished_at);
CREATE INDEX kick_chat_messages ON kick_chat USING gin (message_ids) WHERE message_ids <> '{}';

-- The pace of a channel's chat, whatever servers speak there.
CREATE TABLE kick_chat_lane (
    broadcaster_user_id bigint PRIMARY KEY,
    -- A bucket of messages: when it is full again (GCRA).
    full_at             timestamptz NOT NULL,
    not_before          timestamptz NOT NULL,
    failures            integer NOT NULL DEFAULT 0,
    -- Until then the application's bot is not tried: Kick does not let it speak.
    no_bot_until        timestamptz,
    lease_token         uuid,
    leased_until        timestamptz
);

-- What was found when a broadcaster's channel was last looked after, for all servers that are connected with it: its
-- subscriptions, and whether Kick says that it is live.
CREATE TABLE kick_check (
    broadcaster_user_id bigint PRIMARY KEY,
    next_at         timestamptz NOT NULL,
    -- Since when somebody wants it looked at, whatever is due.
    asked_at        timestamptz,
    checked_at      timestamptz,
    failures        integer NOT NULL DEFAULT 0,
    error           text,
    -- Kinds of event that Kick does not send although it was asked to, each with its reason.
    missing         jsonb NOT NULL DEFAULT '{}',
    -- How many subscriptions the last look created and removed.
    created         integer NOT NULL DEFAULT 0,
    removed         integer NOT NULL DEFAULT 0,
    -- By the API.
    live_since      timestamptz,
    live_checked_at timestamptz,
    -- When the newest chat message came, noted now and then.
    chat_at         timestamptz,
    lease_token     uuid,
    leased_until    timestamptz
);
CREATE INDEX kick_check_due ON kick_check (next_at);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (27, 1);
