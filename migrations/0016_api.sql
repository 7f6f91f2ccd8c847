-- The REST interface: its keys, and the answers to requests that may be sent again.

CREATE TABLE api_key (
    id           uuid PRIMARY KEY,
    guild_id     bigint NOT NULL,
    name         text NOT NULL,
    -- The public beginning of the key, by which it is found; the rest is here as a hash alone.
    prefix       text NOT NULL,
    hash         bytea NOT NULL,
    scopes       text[] NOT NULL,
    created_at   timestamptz NOT NULL,
    -- Null: made on the command line.
    person_id    uuid,
    expires_at   timestamptz,
    revoked_at   timestamptz,
    -- Exact to five minutes.
    last_used_at timestamptz,
    CONSTRAINT api_key_prefix UNIQUE (prefix)
);
-- A revoked key makes room for a new one of its name.
CREATE UNIQUE INDEX api_key_name ON api_key (guild_id, name) WHERE revoked_at IS NULL;

-- Requests with an Idempotency-Key, for a day.
CREATE TABLE idempotency (
    api_key_id    uuid NOT NULL,
    key           text NOT NULL,
    guild_id      bigint NOT NULL,
    -- SHA-256 of method, address and body.
    request_hash  bytea NOT NULL,
    created_at    timestamptz NOT NULL,
    -- Whoever carries it out, and until when nobody else does.
    claim         uuid NOT NULL,
    claimed_until timestamptz NOT NULL,
    -- Null: under way. Encrypted: an answer may hold a secret that is shown once.
    answer        text,
    PRIMARY KEY (api_key_id, key)
);
CREATE INDEX idempotency_created_at ON idempotency (created_at);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (16, 1);
