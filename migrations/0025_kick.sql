-- Kick: the channels that servers are connected with, the subscriptions that Kick delivers by, and the streams.

-- A channel may be connected with several servers, and a server with several channels.
CREATE TABLE kick_channel (
    id          uuid PRIMARY KEY,
    guild_id    bigint NOT NULL,
    source_id   uuid NOT NULL REFERENCES source (id),
    broadcaster_user_id bigint NOT NULL,
    -- As it stands in the address of its page; differs from the name.
    slug        text NOT NULL,
    name        text NOT NULL,
    -- What its newest metadata said, and when that was sent: a stream that begins has it, too.
    title       text,
    category    text,
    language    text,
    mature      boolean,
    thumbnail   text,
    metadata_at timestamptz,
    connected_at    timestamptz NOT NULL,
    -- The row stays: what came from it can be explained, and a new connection has the same id.
    disconnected_at timestamptz,
    CONSTRAINT kick_channel_broadcaster UNIQUE (guild_id, broadcaster_user_id)
);
CREATE INDEX kick_channel_connected ON kick_channel (broadcaster_user_id) WHERE disconnected_at IS NULL;

-- Of a broadcaster, whichever servers it is connected with: Kick delivers once.
CREATE TABLE kick_subscription (
    -- Kick's id.
    id          text COLLATE "C" PRIMARY KEY,
    broadcaster_user_id bigint NOT NULL,
    -- Kick's name of the event, such as chat.message.sent.
    kind        text NOT NULL,
    version     integer NOT NULL,
    created_at  timestamptz NOT NULL,
    -- When Kick last listed it.
    listed_at   timestamptz,
    removed_at  timestamptz
);
CREATE INDEX kick_subscription_live ON kick_subscription (broadcaster_user_id, kind) WHERE removed_at IS NULL;

-- When a channel was live.
CREATE TABLE kick_stream (
    id          uuid PRIMARY KEY,
    kick_channel_id uuid NOT NULL REFERENCES kick_channel (id) ON DELETE CASCADE,
    guild_id    bigint NOT NULL,
    -- In whole seconds: the event and the API name the same instant.
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    -- What ended it: the event; the API, where the event never came; or the stream after it.
    ended_by    text,
    title       text,
    category    text,
    -- When the API last said that it is live.
    confirmed_at timestamptz,
    peak_viewers integer,
    peak_at     timestamptz,
    CONSTRAINT kick_stream_started UNIQUE (kick_channel_id, started_at),
    CONSTRAINT kick_stream_ended CHECK (ended_at >= started_at),
    CONSTRAINT kick_stream_ended_by CHECK ((ended_at IS NULL) = (ended_by IS NULL) AND ended_by IN ('event', 'api', 'next'))
);
CREATE INDEX kick_stream_live ON kick_stream (kick_channel_id) WHERE ended_at IS NULL;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (25, 1);
