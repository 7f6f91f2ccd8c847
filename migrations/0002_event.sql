-- What came in: events, their raw bytes, what was seen before, and what was refused.

CREATE TABLE event (
    id          uuid PRIMARY KEY,
    -- The order in which events became visible to the planner, among those already committed.
    seq         bigint GENERATED ALWAYS AS IDENTITY,
    -- No foreign key: each insert would lock the one row of its source.
    source_id   uuid NOT NULL,
    guild_id    bigint NOT NULL,
    kind        text NOT NULL,
    subject     text,
    severity    text NOT NULL,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    dedup_key   text NOT NULL,
    data        jsonb NOT NULL,
    via         text NOT NULL,
    planned_at  timestamptz,
    -- Why the plan is what it is: the route that matched, or why nothing is shown.
    plan_note   text,
    CONSTRAINT event_severity CHECK (severity IN ('debug', 'info', 'warning', 'error', 'critical')),
    CONSTRAINT event_via CHECK (via IN ('http', 'bus', 'catch_up', 'internal'))
);
CREATE INDEX event_unplanned ON event (seq) WHERE planned_at IS NULL;
CREATE INDEX event_last_per_kind ON event (source_id, kind, received_at DESC);

-- One index for both: found by event and time, and purged by time.
CREATE TABLE event_raw (
    event_id    uuid NOT NULL,
    received_at timestamptz NOT NULL,
    body        bytea NOT NULL,
    PRIMARY KEY (received_at, event_id)
);

-- Outlives the event: a repeat after the event was purged is still a repeat.
CREATE TABLE dedup (
    source_id  uuid NOT NULL,
    key        text NOT NULL,
    event_id   uuid NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (source_id, key)
);
CREATE INDEX dedup_created_at ON dedup (created_at);

-- Refused requests, bounded, without secrets, signatures or bodies: for the admin who asks why.
CREATE TABLE refusal (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id   uuid NOT NULL REFERENCES source (id),
    received_at timestamptz NOT NULL,
    via         text NOT NULL,
    -- The rule that failed, and the known variant that would have matched.
    rule        text NOT NULL,
    variant     text,
    body_sha256 text,
    body_bytes  bigint NOT NULL
);
CREATE INDEX refusal_recent ON refusal (source_id, id DESC);

-- Stream entries that could not be taken in, kept whole.
CREATE TABLE quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream      text NOT NULL,
    entry_id    text NOT NULL,
    body        bytea NOT NULL,
    reason      text NOT NULL,
    deliveries  bigint NOT NULL,
    received_at timestamptz NOT NULL,
    CONSTRAINT quarantine_entry UNIQUE (stream, entry_id)
);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (2, 1);
