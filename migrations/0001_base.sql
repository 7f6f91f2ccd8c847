-- Who and where: sources, persons, interactions seen, and which binaries may run on this schema.

CREATE TABLE schema_compatibility (
    version         bigint PRIMARY KEY,
    -- The oldest schema version whose binary still works on this one.
    compatible_from bigint NOT NULL,
    CONSTRAINT schema_compatibility_range CHECK (compatible_from <= version)
);

CREATE TABLE source (
    id         uuid PRIMARY KEY,
    guild_id   bigint NOT NULL,
    kind       text NOT NULL,
    name       text NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT source_kind CHECK (kind IN ('xtsystems', 'signalbox')),
    CONSTRAINT source_unique UNIQUE (guild_id, kind, name)
);

-- Append-only tables name people by person.id alone; deleting the row here is what forgets them.
CREATE TABLE person (
    id              uuid PRIMARY KEY,
    discord_user_id bigint,
    created_at      timestamptz NOT NULL,
    CONSTRAINT person_discord_unique UNIQUE (discord_user_id)
);

-- An interaction that is here already has been handled: a second delivery does nothing.
CREATE TABLE interaction (
    id          bigint PRIMARY KEY,
    received_at timestamptz NOT NULL
);
CREATE INDEX interaction_received_at ON interaction (received_at);

-- Small values that outlive a process, such as a generated webhook secret.
CREATE TABLE setting (
    guild_id   bigint NOT NULL,
    key        text NOT NULL,
    value      text NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (guild_id, key)
);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (1, 1);
