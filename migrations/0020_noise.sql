-- Calm: silences, and what a route holds back (quiet hours, digests, throttles, repeats, what is late). An older
-- binary beside this one knows none of it: what it plans is posted at once.

CREATE TABLE silence (
    id            uuid PRIMARY KEY,
    guild_id      bigint NOT NULL,
    -- What it matches, in the language of routes; null: any.
    source_id     uuid REFERENCES source (id),
    pattern       text NOT NULL,
    min_severity  text NOT NULL DEFAULT 'debug',
    filter        text,
    subject       text,
    reason        text NOT NULL DEFAULT '',
    -- Null: made with a key of the REST interface.
    person_id     uuid,
    -- Where it was made.
    channel_id    bigint,
    lasts_seconds bigint NOT NULL,
    created_at    timestamptz NOT NULL,
    -- Null: proposed, and not begun.
    started_at    timestamptz,
    ends_at       timestamptz,
    ended_by      uuid,
    -- When its receipt was put into the outbox; null again once it is extended.
    receipt_at    timestamptz,
    CONSTRAINT silence_severity CHECK (min_severity IN ('debug', 'info', 'warning', 'error', 'critical')),
    CONSTRAINT silence_times CHECK ((started_at IS NULL) = (ends_at IS NULL))
);
CREATE INDEX silence_open ON silence (guild_id) WHERE started_at IS NOT NULL AND receipt_at IS NULL;
CREATE INDEX silence_due ON silence (ends_at) WHERE receipt_at IS NULL;
CREATE INDEX silence_old ON silence (created_at);

-- What was held back: a row for each event and destination, until one message tells of it.
CREATE TABLE held (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id       bigint NOT NULL,
    event_id       uuid NOT NULL,
    destination_id uuid NOT NULL REFERENCES destination (id),
    route_id       uuid,
    reason         text NOT NULL,
    silence_id     uuid REFERENCES silence (id),
    -- The living card that was not posted is about this.
    subject_id     uuid,
    kind           text NOT NULL,
    occurred_at    timestamptz NOT NULL,
    -- By which people know what it is about.
    headline       text NOT NULL,
    -- False: it is counted, and not told one by one.
    listed         boolean NOT NULL DEFAULT true,
    -- Null: when its silence ends.
    due_at         timestamptz,
    held_at        timestamptz NOT NULL,
    -- The event under which the message stands that told of it.
    told_in        uuid,
    CONSTRAINT held_once UNIQUE (event_id, destination_id),
    CONSTRAINT held_reason CHECK (reason IN ('silence', 'quiet', 'digest', 'throttle', 'repeat', 'late')),
    CONSTRAINT held_until CHECK ((silence_id IS NULL) = (due_at IS NOT NULL) AND (silence_id IS NULL) = (reason <> 'silence'))
);
CREATE INDEX held_due ON held (due_at) WHERE told_in IS NULL AND due_at IS NOT NULL;
CREATE INDEX held_silence ON held (silence_id) WHERE silence_id IS NOT NULL;
CREATE INDEX held_told ON held (told_in) WHERE told_in IS NOT NULL;
CREATE INDEX held_old ON held (held_at);

-- How many messages of a route went to a destination in the running interval; `key` tells groups apart.
CREATE TABLE noise_window (
    guild_id       bigint NOT NULL,
    route_id       uuid NOT NULL,
    destination_id uuid NOT NULL,
    key            text NOT NULL,
    ends_at        timestamptz NOT NULL,
    count          bigint NOT NULL,
    PRIMARY KEY (route_id, destination_id, key)
);
CREATE INDEX noise_window_old ON noise_window (ends_at);

-- Quiet hours, digest, throttle, groups, and what is done with what is late (src/routing/noise.rs).
ALTER TABLE route ADD COLUMN noise jsonb NOT NULL DEFAULT '{}';

-- A message that tells of what was held back has buttons (src/routing/silence.rs, `Receipt`).
ALTER TABLE message ADD COLUMN receipt jsonb;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (20, 1);
