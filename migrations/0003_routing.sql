-- Where things go: destinations and the ordered routes that lead to them.

CREATE TABLE destination (
    id               uuid PRIMARY KEY,
    guild_id         bigint NOT NULL,
    kind             text NOT NULL,
    channel_id       bigint,
    webhook_id       bigint,
    webhook_token    text,
    -- Where the webhook posts, once looked up: all webhooks of a channel share a limit.
    webhook_channel_id bigint,
    -- Set when Discord said that it cannot be used; cleared when a later check finds it usable.
    disabled_at      timestamptz,
    disabled_because text,
    checked_at       timestamptz,
    created_at       timestamptz NOT NULL,
    CONSTRAINT destination_kind CHECK (
        (kind = 'channel' AND channel_id IS NOT NULL AND webhook_id IS NULL)
        OR (kind = 'webhook' AND webhook_id IS NOT NULL AND webhook_token IS NOT NULL)
    ),
    CONSTRAINT destination_channel_unique UNIQUE (guild_id, channel_id),
    CONSTRAINT destination_webhook_unique UNIQUE (guild_id, webhook_id)
);

CREATE TABLE route (
    id             uuid PRIMARY KEY,
    guild_id       bigint NOT NULL,
    -- 'env': rewritten at each start from DISCORD_WEBHOOK_CHANNELS, read-only elsewhere.
    origin         text NOT NULL,
    -- Ascending. The pattern `default` is tried last whatever its position.
    position       integer NOT NULL,
    source_id      uuid REFERENCES source (id),
    pattern        text NOT NULL,
    min_severity   text NOT NULL DEFAULT 'debug',
    destination_ids uuid[] NOT NULL,
    mention_ids    text[] NOT NULL DEFAULT '{}',
    -- Null: the kind decides (a living card where the kind has one, else a post).
    mode           text,
    continues      boolean NOT NULL DEFAULT false,
    enabled        boolean NOT NULL DEFAULT true,
    created_at     timestamptz NOT NULL,
    CONSTRAINT route_origin CHECK (origin IN ('env', 'db')),
    CONSTRAINT route_mode CHECK (mode IN ('post', 'card')),
    CONSTRAINT route_severity CHECK (min_severity IN ('debug', 'info', 'warning', 'error', 'critical'))
);
CREATE INDEX route_order ON route (guild_id, position);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (3, 1);
