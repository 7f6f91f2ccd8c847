-- What people ask XTSystems to do with a ticket from Discord, who is who in both, and the lists that
-- XTSystems chooses from.

CREATE TABLE ticket_action (
    id           uuid PRIMARY KEY,
    -- The order in which they were asked for.
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    guild_id     bigint NOT NULL,
    source_id    uuid NOT NULL REFERENCES source (id),
    -- NULL: the ticket is to be created.
    subject_id   uuid REFERENCES subject (id),
    interaction_id bigint NOT NULL,
    -- Where the presser can be told privately, until 15 minutes after the press or until it was done.
    application_id bigint,
    interaction_token text,
    person_id    uuid NOT NULL,
    verb         text NOT NULL,
    -- Id of the status, priority or user in XTSystems, and its name there.
    value_id     text,
    value_name   text,
    is_closing   boolean NOT NULL DEFAULT false,
    -- Title of a new ticket.
    title        text,
    -- Note, resolution or description, as the person wrote it.
    content      text,
    -- Who wrote it, as a note in XTSystems names them.
    author       text NOT NULL,
    state        text NOT NULL DEFAULT 'requested',
    asked_at     timestamptz NOT NULL,
    call_due_at  timestamptz,
    call_attempts integer NOT NULL DEFAULT 0,
    lease_token  uuid,
    leased_until timestamptz,
    -- Before the last request that posts something anew and must not be repeated blindly.
    posted_at    timestamptz,
    upstream_status integer,
    upstream_text text,
    -- The ticket's id and number in XTSystems.
    ticket_id    text,
    ticket_number text,
    settled_at   timestamptz,
    -- The event by which XTSystems told the same change.
    echo_event_id uuid,
    CONSTRAINT ticket_action_interaction UNIQUE (interaction_id),
    CONSTRAINT ticket_action_verb CHECK (verb IN
        ('create', 'status', 'priority', 'assign', 'note', 'close', 'reopen')),
    CONSTRAINT ticket_action_state CHECK (state IN ('requested', 'sent', 'unknown', 'confirmed', 'refused')),
    CONSTRAINT ticket_action_subject CHECK ((subject_id IS NULL) = (verb = 'create'))
);
CREATE INDEX ticket_action_subject_at ON ticket_action (subject_id, asked_at DESC);
CREATE INDEX ticket_action_due ON ticket_action (call_due_at) WHERE state IN ('requested', 'sent', 'unknown');
CREATE INDEX ticket_action_token ON ticket_action (asked_at) WHERE interaction_token IS NOT NULL;

CREATE TABLE upstream_list (
    source_id  uuid NOT NULL REFERENCES source (id),
    kind       text NOT NULL,
    items      jsonb NOT NULL DEFAULT '[]',
    -- NULL: never had.
    fetched_at timestamptz,
    tried_at   timestamptz NOT NULL,
    PRIMARY KEY (source_id, kind),
    CONSTRAINT upstream_list_kind CHECK (kind IN ('status', 'priority', 'user'))
);

CREATE TABLE upstream_link (
    guild_id         bigint NOT NULL,
    source_id        uuid NOT NULL REFERENCES source (id),
    person_id        uuid NOT NULL,
    upstream_user_id text NOT NULL,
    upstream_name    text NOT NULL,
    linked_at        timestamptz NOT NULL,
    linked_by_person_id uuid NOT NULL,
    CONSTRAINT upstream_link_person PRIMARY KEY (source_id, person_id),
    CONSTRAINT upstream_link_user UNIQUE (source_id, upstream_user_id)
);

-- A member asks to be linked; somebody who manages the server answers.
CREATE TABLE upstream_link_request (
    id               uuid PRIMARY KEY,
    guild_id         bigint NOT NULL,
    source_id        uuid NOT NULL REFERENCES source (id),
    person_id        uuid NOT NULL,
    upstream_user_id text NOT NULL,
    upstream_name    text NOT NULL,
    asked_at         timestamptz NOT NULL,
    answer           text,
    answered_by_person_id uuid,
    answered_at      timestamptz,
    CONSTRAINT upstream_link_request_answer CHECK (answer IN ('confirmed', 'declined', 'replaced'))
);
CREATE INDEX upstream_link_request_open ON upstream_link_request (source_id, person_id) WHERE answer IS NULL;

-- The tickets that changed last.
CREATE INDEX subject_ticket_latest ON subject (source_id, updated_at DESC) WHERE kind = 'ticket';

INSERT INTO schema_compatibility (version, compatible_from) VALUES (8, 1);
