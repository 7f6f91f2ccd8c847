-- Sources that are described instead of programmed, and webhooks to other systems.

ALTER TABLE source
    -- How its requests are verified and read (src/source/generic/config.rs); null for what is programmed.
    ADD COLUMN config jsonb,
    -- Counts its changes.
    ADD COLUMN config_version integer NOT NULL DEFAULT 1,
    -- Its events stay known; its address is nobody's any more.
    ADD COLUMN removed_at timestamptz,
    DROP CONSTRAINT source_kind,
    ADD CONSTRAINT source_kind CHECK (kind ~ '^[a-z_]+$');
ALTER TABLE subject
    DROP CONSTRAINT subject_kind,
    ADD CONSTRAINT subject_kind CHECK (kind ~ '^[a-z_]+$');

-- Subscriptions of other systems to what happens here. Their secrets are settings.
CREATE TABLE outbound_webhook (
    id          uuid PRIMARY KEY,
    guild_id    bigint NOT NULL,
    name        text NOT NULL,
    url         text NOT NULL,
    -- Names of events, or '*'.
    events      text[] NOT NULL,
    active      boolean NOT NULL DEFAULT true,
    version     integer NOT NULL DEFAULT 1,
    -- Until then the secret before this one signs as well.
    previous_secret_ends_at timestamptz,
    -- Deliveries that were given up, one after the other.
    failures    integer NOT NULL DEFAULT 0,
    disabled_at timestamptz,
    disabled_because text,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT outbound_webhook_name UNIQUE (guild_id, name)
);

-- What is to be told, written in the transaction of what it tells of. The id is the webhook-id header.
CREATE TABLE outbound_delivery (
    id           uuid PRIMARY KEY,
    outbound_webhook_id uuid NOT NULL REFERENCES outbound_webhook (id) ON DELETE CASCADE,
    guild_id     bigint NOT NULL,
    event_type   text NOT NULL,
    payload      jsonb NOT NULL,
    state        text NOT NULL DEFAULT 'pending',
    attempts     integer NOT NULL DEFAULT 0,
    not_before   timestamptz NOT NULL,
    lease_token  uuid,
    leased_until timestamptz,
    response_status integer,
    response_body text,
    created_at   timestamptz NOT NULL,
    delivered_at timestamptz,
    finished_at  timestamptz,
    CONSTRAINT outbound_delivery_state CHECK (state IN ('pending', 'delivered', 'failed'))
);
CREATE INDEX outbound_delivery_due ON outbound_delivery (not_before) WHERE state = 'pending';
CREATE INDEX outbound_delivery_of ON outbound_delivery (outbound_webhook_id, created_at DESC, id DESC);
CREATE INDEX outbound_delivery_finished ON outbound_delivery (finished_at) WHERE state <> 'pending';

CREATE TABLE outbound_attempt (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    outbound_delivery_id uuid NOT NULL REFERENCES outbound_delivery (id) ON DELETE CASCADE,
    started_at  timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    status      integer,
    note        text
);
CREATE INDEX outbound_attempt_of ON outbound_attempt (outbound_delivery_id);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (17, 1);
