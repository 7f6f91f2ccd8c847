-- What a stream community plays: raffles and giveaways that anyone can recompute, guess the balance, slot calls, custom chat
-- commands, timed messages.

-- A raffle (tickets of a period) or a giveaway (who joins). Its seed is the setting `draw_secret:<id>` until it is revealed.
CREATE TABLE draw (
    id               uuid PRIMARY KEY,
    guild_id         bigint NOT NULL,
    -- By which people name it; counted for each server.
    number           bigint NOT NULL,
    kind             text NOT NULL,
    state            text NOT NULL DEFAULT 'open',
    prize            text NOT NULL,
    -- Where its card is.
    channel_id       bigint NOT NULL,
    winners          integer NOT NULL DEFAULT 1,
    -- What is written in chat to join; null: only by the button.
    keyword          text,
    role_id          bigint,
    bonus_role_id    bigint,
    bonus_tickets    bigint NOT NULL DEFAULT 0,
    min_age_days     integer NOT NULL DEFAULT 0,
    question         text,
    -- How long a winner has to claim the prize; null: it need not be claimed.
    claim_seconds    bigint,
    -- Points for each winner, paid by the ledger.
    points           bigint NOT NULL DEFAULT 0,
    -- A raffle that is followed by another one.
    repeats          boolean NOT NULL DEFAULT false,
    opened_by        uuid,
    opened_at        timestamptz NOT NULL,
    closes_at        timestamptz,
    closed_at        timestamptz,
    -- Known from the opening on: SHA-256 of the seed.
    commitment       text NOT NULL,
    -- Known from the close on.
    entries_hash     text,
    entry_count      bigint,
    ticket_count     bigint,
    -- Of the beacon, chosen at the close; null: there is none.
    beacon           text,
    beacon_round     bigint,
    draw_after       timestamptz,
    beacon_random    text,
    beacon_signature text,
    -- The beacon was configured, and did not answer.
    beacon_missed    boolean NOT NULL DEFAULT false,
    -- Known from the draw on.
    seed             text,
    drawn_at         timestamptz,
    next_at          timestamptz,
    -- When hours watched become tickets of an open raffle again.
    tickets_at       timestamptz,
    CONSTRAINT draw_number UNIQUE (guild_id, number),
    CONSTRAINT draw_kind CHECK (kind IN ('raffle', 'giveaway')),
    CONSTRAINT draw_state CHECK (state IN ('open', 'closed', 'drawn', 'cancelled')),
    CONSTRAINT draw_sizes CHECK (winners BETWEEN 1 AND 100 AND bonus_tickets >= 0 AND points >= 0),
    CONSTRAINT draw_closed CHECK (state NOT IN ('closed', 'drawn')
        OR (closed_at IS NOT NULL AND entries_hash IS NOT NULL AND draw_after IS NOT NULL)),
    CONSTRAINT draw_revealed CHECK ((seed IS NOT NULL) = (state = 'drawn'))
);
CREATE UNIQUE INDEX draw_one_raffle ON draw (guild_id) WHERE kind = 'raffle' AND state = 'open';
CREATE INDEX draw_due ON draw (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX draw_old ON draw (closed_at);

-- Who takes part, with how many tickets. The id is what is published: it says nothing of who it is.
CREATE TABLE draw_entry (
    id         uuid PRIMARY KEY,
    draw_id    uuid NOT NULL REFERENCES draw (id),
    guild_id   bigint NOT NULL,
    person_id  uuid NOT NULL,
    -- As the entrant was called then.
    name       text NOT NULL,
    tickets    bigint NOT NULL,
    answer     text,
    entered_at timestamptz NOT NULL,
    -- Its place in the published list, given at the close.
    position   bigint,
    CONSTRAINT draw_entry_once UNIQUE (draw_id, person_id),
    CONSTRAINT draw_entry_tickets CHECK (tickets > 0)
);

-- Why somebody has how many tickets of a raffle.
CREATE TABLE draw_ticket (
    id        uuid PRIMARY KEY,
    draw_id   uuid NOT NULL REFERENCES draw (id),
    guild_id  bigint NOT NULL,
    person_id uuid NOT NULL,
    source    text NOT NULL,
    tickets   bigint NOT NULL,
    reason    text NOT NULL DEFAULT '',
    cause     text NOT NULL,
    by_person uuid,
    at        timestamptz NOT NULL,
    CONSTRAINT draw_ticket_cause UNIQUE (guild_id, cause),
    CONSTRAINT draw_ticket_source CHECK (source IN ('watchtime', 'gifted', 'bonus', 'bought'))
);
CREATE INDEX draw_ticket_person ON draw_ticket (draw_id, person_id);

-- What somebody has: tickets of a viewer are those of the member that the viewer is linked with.
CREATE VIEW draw_holding AS
    SELECT t.draw_id, t.guild_id, COALESCE(k.member_id, t.person_id) AS person_id, sum(t.tickets)::bigint AS tickets,
        min(t.at) AS first_at
    FROM draw_ticket t LEFT JOIN kick_link k ON k.guild_id = t.guild_id AND k.viewer_id = t.person_id
    GROUP BY 1, 2, 3 HAVING sum(t.tickets) > 0;

CREATE TABLE draw_winner (
    draw_id     uuid NOT NULL REFERENCES draw (id),
    guild_id    bigint NOT NULL,
    -- 1, 2, …: the nonce of the draw that found it. Later ones replace those that did not claim.
    place       integer NOT NULL,
    entry_id    uuid NOT NULL REFERENCES draw_entry (id),
    total       bigint NOT NULL,
    ticket      bigint NOT NULL,
    proof       text NOT NULL,
    drawn_at    timestamptz NOT NULL,
    claim_until timestamptz,
    claimed_at  timestamptz,
    -- Did not claim in time, or was drawn again by an admin.
    passed_at   timestamptz,
    PRIMARY KEY (draw_id, place),
    CONSTRAINT draw_winner_once UNIQUE (draw_id, entry_id)
);

-- What is closed stays as it was published.
CREATE FUNCTION draw_is_open() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM draw WHERE id = NEW.draw_id AND state = 'open' FOR SHARE) THEN
        RAISE EXCEPTION 'the entries of this draw are closed' USING ERRCODE = '23514', CONSTRAINT = 'draw_entries_closed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER draw_entry_open BEFORE INSERT ON draw_entry FOR EACH ROW EXECUTE FUNCTION draw_is_open();

CREATE TABLE gtb_session (
    id           uuid PRIMARY KEY,
    guild_id     bigint NOT NULL,
    number       bigint NOT NULL,
    state        text NOT NULL DEFAULT 'open',
    winners      integer NOT NULL DEFAULT 3,
    opened_by    uuid,
    opened_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    result_cents bigint,
    completed_at timestamptz,
    CONSTRAINT gtb_number UNIQUE (guild_id, number),
    CONSTRAINT gtb_state CHECK (state IN ('open', 'closed', 'completed')),
    CONSTRAINT gtb_result CHECK ((result_cents IS NOT NULL) = (state = 'completed') AND result_cents > 0),
    CONSTRAINT gtb_winners CHECK (winners BETWEEN 1 AND 25)
);
CREATE UNIQUE INDEX gtb_one_open ON gtb_session (guild_id) WHERE state = 'open';

CREATE TABLE gtb_guess (
    session_id uuid NOT NULL REFERENCES gtb_session (id),
    guild_id   bigint NOT NULL,
    person_id  uuid NOT NULL,
    -- As the guesser was called then.
    name       text NOT NULL,
    cents      bigint NOT NULL,
    guessed_at timestamptz NOT NULL,
    -- Set with the result.
    rank       integer,
    PRIMARY KEY (session_id, person_id),
    CONSTRAINT gtb_guess_cents CHECK (cents > 0)
);

CREATE TABLE slot_setting (
    guild_id           bigint PRIMARY KEY,
    enabled            boolean NOT NULL DEFAULT false,
    -- Since when; what was called before counts no more.
    enabled_at         timestamptz,
    max_per_user       integer NOT NULL DEFAULT 0,
    cooldown_seconds   integer NOT NULL DEFAULT 30,
    prevent_duplicates boolean NOT NULL DEFAULT false,
    channel_id         bigint,
    -- Where moments marked by !clip are posted.
    clip_channel_id    bigint,
    CONSTRAINT slot_setting_sizes CHECK (max_per_user BETWEEN 0 AND 10 AND cooldown_seconds BETWEEN 0 AND 86400)
);

CREATE TABLE slot_call (
    id         uuid PRIMARY KEY,
    guild_id   bigint NOT NULL,
    person_id  uuid NOT NULL,
    name       text NOT NULL,
    slot       text NOT NULL,
    slug       text NOT NULL,
    called_at  timestamptz NOT NULL,
    picked_at  timestamptz,
    reward     text,
    -- Taken off the list; it still counts for the user's limit until requests are opened anew.
    cleared_at timestamptz
);
CREATE INDEX slot_call_guild ON slot_call (guild_id, called_at);

-- A slot, or somebody, that is not taken.
CREATE TABLE slot_ban (
    guild_id  bigint NOT NULL,
    slug      text NOT NULL,
    reason    text NOT NULL DEFAULT '',
    banned_at timestamptz NOT NULL,
    PRIMARY KEY (guild_id, slug)
);
CREATE TABLE slot_block (
    guild_id   bigint NOT NULL,
    person_id  uuid NOT NULL,
    reason     text NOT NULL DEFAULT '',
    blocked_at timestamptz NOT NULL,
    PRIMARY KEY (guild_id, person_id)
);

CREATE TABLE chat_command (
    id               uuid PRIMARY KEY,
    guild_id         bigint NOT NULL,
    -- In lower case, without the exclamation mark.
    name             text NOT NULL,
    aliases          text[] NOT NULL DEFAULT '{}',
    reply            text NOT NULL,
    permission       text NOT NULL DEFAULT 'everyone',
    cooldown_seconds integer NOT NULL DEFAULT 5,
    cost             bigint NOT NULL DEFAULT 0,
    enabled          boolean NOT NULL DEFAULT true,
    uses             bigint NOT NULL DEFAULT 0,
    last_used_at     timestamptz,
    created_at       timestamptz NOT NULL,
    CONSTRAINT chat_command_name UNIQUE (guild_id, name),
    CONSTRAINT chat_command_permission CHECK (permission IN ('everyone', 'subscriber', 'vip', 'moderator', 'broadcaster')),
    CONSTRAINT chat_command_sizes CHECK (cooldown_seconds BETWEEN 0 AND 86400 AND cost >= 0)
);

-- Chat messages that were carried out. Older ones are stale and need no row.
CREATE TABLE chat_command_run (
    guild_id   bigint NOT NULL,
    message_id text NOT NULL,
    ran_at     timestamptz NOT NULL,
    PRIMARY KEY (guild_id, message_id)
);
CREATE INDEX chat_command_run_old ON chat_command_run (ran_at);

CREATE TABLE clip_marker (
    id              uuid PRIMARY KEY,
    guild_id        bigint NOT NULL,
    kick_channel_id uuid,
    person_id       uuid NOT NULL,
    name            text NOT NULL,
    title           text NOT NULL,
    -- Into the stream; null: no stream was known.
    stream_seconds  bigint,
    made_at         timestamptz NOT NULL
);
CREATE INDEX clip_marker_guild ON clip_marker (guild_id, made_at);

CREATE TABLE timed_message (
    id            uuid PRIMARY KEY,
    guild_id      bigint NOT NULL,
    number        bigint NOT NULL,
    -- A group says one of its texts each time.
    texts         text[] NOT NULL,
    shuffles      boolean NOT NULL DEFAULT false,
    next_text     integer NOT NULL DEFAULT 0,
    every_seconds bigint,
    cron          text,
    time_zone     text NOT NULL DEFAULT 'UTC',
    min_lines     bigint NOT NULL DEFAULT 0,
    min_chatters  bigint NOT NULL DEFAULT 2,
    only_while    text NOT NULL DEFAULT 'online',
    to_kick       boolean NOT NULL DEFAULT true,
    channel_id    bigint,
    enabled       boolean NOT NULL DEFAULT true,
    -- Chat lines since it was last said.
    lines         bigint NOT NULL DEFAULT 0,
    last_sent_at  timestamptz,
    next_at       timestamptz,
    runs          bigint NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL,
    CONSTRAINT timed_message_number UNIQUE (guild_id, number),
    CONSTRAINT timed_message_when CHECK ((every_seconds IS NULL) <> (cron IS NULL) AND every_seconds >= 60),
    CONSTRAINT timed_message_while CHECK (only_while IN ('online', 'offline', 'always')),
    CONSTRAINT timed_message_texts CHECK (cardinality(texts) BETWEEN 1 AND 25),
    CONSTRAINT timed_message_where CHECK (to_kick OR channel_id IS NOT NULL)
);
CREATE INDEX timed_message_due ON timed_message (next_at) WHERE enabled;

-- Who chatted of late, to tell a chat from a monologue.
CREATE TABLE chat_pulse (
    guild_id bigint NOT NULL,
    viewer   bigint NOT NULL,
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (guild_id, viewer)
);
CREATE INDEX chat_pulse_old ON chat_pulse (last_at);

-- Answers to what the dashboard asked are given once.
CREATE TABLE dashboard_request (
    guild_id   bigint NOT NULL,
    request_id text NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (guild_id, request_id)
);
CREATE INDEX dashboard_request_old ON dashboard_request (at);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (28, 1);
