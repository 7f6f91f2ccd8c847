-- What goes out: subjects and their living cards, one lane per destination, frozen sends, attempts.

CREATE TABLE subject (
    id         uuid PRIMARY KEY,
    guild_id   bigint NOT NULL,
    source_id  uuid NOT NULL REFERENCES source (id),
    key        text NOT NULL,
    kind       text NOT NULL,
    -- Current fields, each with its order key, and the timeline.
    state      jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT subject_key UNIQUE (source_id, key),
    CONSTRAINT subject_kind CHECK (kind IN ('ticket', 'machine', 'asset'))
);

CREATE TABLE lane (
    destination_id uuid PRIMARY KEY REFERENCES destination (id),
    not_before     timestamptz NOT NULL,
    -- Consecutive ambiguous or failed sends: the back-off's exponent.
    failures       integer NOT NULL DEFAULT 0,
    lease_token    uuid,
    leased_until   timestamptz,
    -- The advisory lock that the leaseholder's process keeps; free means that the process is gone.
    lease_owner    bigint,
    CONSTRAINT lane_lease CHECK ((lease_token IS NULL) = (leased_until IS NULL))
);

CREATE TABLE card (
    id             uuid PRIMARY KEY,
    guild_id       bigint NOT NULL,
    subject_id     uuid NOT NULL REFERENCES subject (id),
    destination_id uuid NOT NULL REFERENCES destination (id),
    version        bigint NOT NULL DEFAULT 1,
    shown_version  bigint NOT NULL DEFAULT 0,
    -- The create's send id: its mark stays in the footer of every later edit.
    send_id        uuid,
    discord_message_id bigint,
    reposts        integer NOT NULL DEFAULT 0,
    -- Set when the message was deleted by hand a second time: it stays deleted.
    gone_at        timestamptz,
    edit_not_before timestamptz,
    edit_failures  integer NOT NULL DEFAULT 0,
    edit_error     text,
    created_at     timestamptz NOT NULL,
    CONSTRAINT card_once UNIQUE (subject_id, destination_id)
);
CREATE INDEX card_stale ON card (destination_id)
    WHERE version > shown_version AND discord_message_id IS NOT NULL AND gone_at IS NULL;

CREATE TABLE message (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id       bigint NOT NULL,
    destination_id uuid NOT NULL REFERENCES destination (id),
    event_id       uuid NOT NULL,
    route_id       uuid,
    -- A card is rendered when it is sent; a notice when it is planned.
    card_id        uuid REFERENCES card (id),
    content        text,
    embed          jsonb,
    mentions       text[] NOT NULL DEFAULT '{}',
    state          text NOT NULL DEFAULT 'queued',
    send_id        uuid,
    created_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    CONSTRAINT message_state CHECK (state IN ('queued', 'sending', 'delivered', 'dead')),
    CONSTRAINT message_body CHECK ((card_id IS NULL) = (embed IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX message_queued ON message (destination_id, id) WHERE state = 'queued';
CREATE INDEX message_event ON message (event_id);
CREATE INDEX message_dead ON message (guild_id, id) WHERE state = 'dead';

-- A create, frozen before its first attempt: the nonce is made from the id, the body never changes.
CREATE TABLE send (
    id             uuid PRIMARY KEY,
    destination_id uuid NOT NULL REFERENCES destination (id),
    message_ids    bigint[] NOT NULL,
    card_id        uuid,
    card_version   bigint,
    body           jsonb NOT NULL,
    state          text NOT NULL DEFAULT 'open',
    -- Start of the attempt under way; still set after a crash.
    attempting_at  timestamptz,
    -- Start of the first attempt whose fate is not known: the nonce window counts from here.
    ambiguous_at   timestamptz,
    attempts       integer NOT NULL DEFAULT 0,
    -- Its own failures with an unknown answer; at three it is set aside and the lane goes on.
    own_failures   integer NOT NULL DEFAULT 0,
    set_aside      boolean NOT NULL DEFAULT false,
    not_before     timestamptz NOT NULL,
    note           text,
    -- It landed after others had passed it: its message is still to be told so, by one edit.
    lateness_due   boolean NOT NULL DEFAULT false,
    discord_message_id bigint,
    created_at     timestamptz NOT NULL,
    finished_at    timestamptz,
    CONSTRAINT send_state CHECK (state IN ('open', 'in_doubt', 'unresolved', 'delivered', 'dead'))
);
CREATE INDEX send_late ON send (destination_id, not_before) WHERE lateness_due;
CREATE INDEX send_unfinished ON send (destination_id, created_at) WHERE state IN ('open', 'in_doubt', 'unresolved');

CREATE TABLE attempt (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    send_id     uuid,
    card_id     uuid,
    started_at  timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    action      text NOT NULL,
    status      integer,
    code        bigint,
    outcome     text NOT NULL,
    note        text,
    CONSTRAINT attempt_action CHECK (action IN ('create', 'edit', 'reconcile'))
);
CREATE INDEX attempt_send ON attempt (send_id);
CREATE INDEX attempt_started_at ON attempt (started_at);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (4, 1);
