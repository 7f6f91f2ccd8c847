-- The stream community: viewers, watch time by the minute, the ledger of points, the shop, roles by watch time.

-- A viewer on Kick is a person of their own, a member of Discord another one: kick_link says who is who, in one server.
-- Names change, ids do not.
ALTER TABLE person ADD COLUMN kick_user_id bigint CONSTRAINT person_kick_unique UNIQUE;

-- A viewer in a server.
CREATE TABLE viewer (
    guild_id      bigint NOT NULL,
    person_id     uuid NOT NULL,
    -- As it was last seen, and in lower case.
    username      text NOT NULL,
    name_key      text COLLATE "C" NOT NULL,
    first_seen_at timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    -- What the days in watch_day and an import add up to.
    minutes       bigint NOT NULL DEFAULT 0,
    -- Fifths of points, earned by watching: minutes times the points of five minutes.
    fifths        bigint NOT NULL DEFAULT 0,
    -- Points that the ledger has of them, and by how many entries.
    points        bigint NOT NULL DEFAULT 0,
    payouts       bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (guild_id, person_id)
) WITH (fillfactor = 60);
CREATE INDEX viewer_name ON viewer (guild_id, name_key);
CREATE INDEX viewer_person ON viewer (person_id);

-- Which member is which viewer.
CREATE TABLE kick_link (
    id        uuid NOT NULL,
    guild_id  bigint NOT NULL,
    member_id uuid NOT NULL,
    viewer_id uuid NOT NULL,
    linked_at timestamptz NOT NULL,
    PRIMARY KEY (guild_id, member_id),
    CONSTRAINT kick_link_viewer UNIQUE (guild_id, viewer_id)
);
CREATE INDEX kick_link_member ON kick_link (member_id);
CREATE INDEX kick_link_person ON kick_link (viewer_id);

-- The rules of counting and earning, as JSON (src/community/rules.rs). A change counts from a full hour on: which rules an
-- hour is under follows from the hour, not from when it is counted.
CREATE TABLE community_rule (
    guild_id   bigint NOT NULL,
    -- Hours since 1970, UTC.
    from_hour  integer NOT NULL,
    rules      jsonb NOT NULL,
    set_at     timestamptz NOT NULL,
    set_by_id  uuid,
    PRIMARY KEY (guild_id, from_hour)
);

-- Stretches that count whatever the stream does, and stretches that do not count.
CREATE TABLE watch_period (
    id         uuid PRIMARY KEY,
    guild_id   bigint NOT NULL,
    kind       text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at   timestamptz,
    set_by_id  uuid,
    CONSTRAINT watch_period_kind CHECK (kind IN ('force', 'pause')),
    CONSTRAINT watch_period_span CHECK (ended_at >= started_at)
);
CREATE UNIQUE INDEX watch_period_open ON watch_period (guild_id, kind) WHERE ended_at IS NULL;
CREATE INDEX watch_period_guild ON watch_period (guild_id, started_at);

-- Viewers who are not counted: bots, and who does not want to be.
CREATE TABLE viewer_ignored (
    guild_id   bigint NOT NULL,
    person_id  uuid NOT NULL,
    since      timestamptz NOT NULL,
    set_by_id  uuid,
    PRIMARY KEY (guild_id, person_id)
);

-- Who was present in which minutes of an hour. Written by OR alone: order and repetition change nothing.
CREATE TABLE watch_hour (
    kick_channel_id uuid NOT NULL,
    -- Hours since 1970, UTC.
    hour       integer NOT NULL,
    viewer_id  uuid NOT NULL,
    guild_id   bigint NOT NULL,
    -- Bit m: something was written in minute m.
    said       bigint NOT NULL,
    -- Bit m: present, as a message counts for the minutes after it, too.
    present    bigint NOT NULL,
    subscriber boolean NOT NULL,
    -- Minutes that count; follows from the bits and from watch_channel.
    minutes    smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (kick_channel_id, hour, viewer_id)
) WITH (fillfactor = 50);
CREATE INDEX watch_hour_viewer ON watch_hour (viewer_id, hour);
CREATE INDEX watch_hour_old ON watch_hour USING brin (hour);

-- An hour of a channel, and which of its minutes count.
CREATE TABLE watch_channel (
    kick_channel_id uuid NOT NULL,
    hour       integer NOT NULL,
    guild_id   bigint NOT NULL,
    -- Minutes in which the channel was live; NULL when that is not known of it.
    live       bigint,
    -- Minutes with enough people in the chat.
    crowd      bigint NOT NULL DEFAULT 0,
    forced     bigint NOT NULL DEFAULT 0,
    paused     bigint NOT NULL DEFAULT 0,
    -- Points of five minutes, and minutes of a day that count at most: the rules of this hour.
    rate       integer NOT NULL DEFAULT 0,
    sub_rate   integer NOT NULL DEFAULT 0,
    day_cap    integer NOT NULL DEFAULT 0,
    -- When it is to be counted (again); NULL when it is counted.
    due_at     timestamptz,
    -- Counts what was written since: a count that was overtaken is done again.
    version    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (kick_channel_id, hour)
);
CREATE INDEX watch_channel_due ON watch_channel (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX watch_channel_hour ON watch_channel (guild_id, hour);

-- A stream that begins or ends, however late that is heard of, has its hours counted again. The time of it is long past:
-- due at once, whatever the clock.
CREATE FUNCTION kick_stream_is_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE watch_channel SET due_at = to_timestamp(0), version = version + 1
        WHERE kick_channel_id = NEW.kick_channel_id
          AND hour >= floor(extract(epoch FROM LEAST(NEW.started_at,
              CASE TG_OP WHEN 'UPDATE' THEN OLD.started_at END)) / 3600);
    RETURN NULL;
END
$$;
CREATE TRIGGER kick_stream_began AFTER INSERT ON kick_stream FOR EACH ROW EXECUTE FUNCTION kick_stream_is_counted();
CREATE TRIGGER kick_stream_changed AFTER UPDATE OF started_at, ended_at ON kick_stream FOR EACH ROW
    WHEN (OLD.started_at <> NEW.started_at OR OLD.ended_at IS DISTINCT FROM NEW.ended_at)
    EXECUTE FUNCTION kick_stream_is_counted();

-- What a viewer watched on a day in all channels of a server: hours of at most 60 minutes, and at most the cap.
CREATE TABLE watch_day (
    guild_id  bigint NOT NULL,
    viewer_id uuid NOT NULL,
    -- Days since 1970, UTC.
    day       integer NOT NULL,
    minutes   integer NOT NULL,
    fifths    bigint NOT NULL,
    PRIMARY KEY (guild_id, viewer_id, day)
) WITH (fillfactor = 60);
CREATE INDEX watch_day_board ON watch_day (guild_id, day);
CREATE INDEX watch_day_viewer ON watch_day (viewer_id);

-- As queries of other programs know it.
CREATE VIEW watchtime AS
    SELECT name_key AS username, minutes, seen_at AS last_active, guild_id AS discord_server_id FROM viewer;

-- What viewers had elsewhere, by the name that they had there; given to whoever is first seen under that name.
CREATE TABLE viewer_opening (
    guild_id    bigint NOT NULL,
    name_key    text COLLATE "C" NOT NULL,
    minutes     bigint NOT NULL,
    points      bigint NOT NULL,
    imported_at timestamptz NOT NULL,
    set_by_id   uuid,
    person_id   uuid,
    given_at    timestamptz,
    PRIMARY KEY (guild_id, name_key),
    CONSTRAINT viewer_opening_amount CHECK (minutes >= 0 AND points >= 0)
);
CREATE INDEX viewer_opening_person ON viewer_opening (person_id) WHERE person_id IS NOT NULL;

-- Points: what somebody has is what their entries add up to. Nothing is changed, mistakes are reversed.
CREATE TABLE ledger (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id  bigint NOT NULL,
    person_id uuid NOT NULL,
    at        timestamptz NOT NULL,
    amount    bigint NOT NULL,
    -- What it is for: watch, follow, purchase, …
    kind      text NOT NULL,
    -- The same cause is paid once.
    cause     text COLLATE "C" NOT NULL,
    detail    jsonb NOT NULL,
    -- Who did it, where somebody did.
    by_id     uuid,
    -- The entry that this one takes back.
    reverses  bigint,
    CONSTRAINT ledger_amount CHECK (amount <> 0),
    CONSTRAINT ledger_cause UNIQUE (guild_id, cause),
    CONSTRAINT ledger_reversed_once UNIQUE (reverses)
);
CREATE INDEX ledger_account ON ledger (guild_id, person_id, id DESC);
CREATE INDEX ledger_person ON ledger (person_id);
CREATE INDEX ledger_by ON ledger (by_id) WHERE by_id IS NOT NULL;
CREATE INDEX ledger_board ON ledger (guild_id, at);

-- What the entries add up to, and the lock of whoever spends. Kept by the trigger alone.
CREATE TABLE point_account (
    guild_id  bigint NOT NULL,
    person_id uuid NOT NULL,
    balance   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (guild_id, person_id),
    CONSTRAINT point_account_never_negative CHECK (balance >= 0)
) WITH (fillfactor = 50);
CREATE INDEX point_account_person ON point_account (person_id);

CREATE FUNCTION ledger_moves_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- In the order of the accounts, so that two never wait for each other.
    INSERT INTO point_account (guild_id, person_id)
        SELECT guild_id, person_id FROM entries GROUP BY 1, 2 ORDER BY 1, 2
        ON CONFLICT (guild_id, person_id) DO NOTHING;
    PERFORM 1 FROM point_account
        WHERE (guild_id, person_id) IN (SELECT guild_id, person_id FROM entries)
        ORDER BY guild_id, person_id FOR NO KEY UPDATE;
    UPDATE point_account a SET balance = a.balance + e.amount
        FROM (SELECT guild_id, person_id, sum(amount)::bigint AS amount FROM entries GROUP BY 1, 2) e
        WHERE a.guild_id = e.guild_id AND a.person_id = e.person_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER ledger_moves_balance AFTER INSERT ON ledger
    REFERENCING NEW TABLE AS entries FOR EACH STATEMENT EXECUTE FUNCTION ledger_moves_balance();

CREATE FUNCTION ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('signalbox.purge', true) = 'audit' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only';
END
$$;
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();

CREATE TABLE shop_item (
    id          uuid PRIMARY KEY,
    guild_id    bigint NOT NULL,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    price       bigint NOT NULL,
    -- NULL: as many as are wanted.
    stock       integer,
    -- Per member; NULL: no limit.
    per_member  integer,
    cooldown_s  integer NOT NULL DEFAULT 0,
    role_id     bigint,
    -- What a buyer has to answer.
    question    text,
    active      boolean NOT NULL DEFAULT true,
    created_at  timestamptz NOT NULL,
    created_by_id uuid,
    removed_at  timestamptz,
    CONSTRAINT shop_item_price CHECK (price > 0),
    CONSTRAINT shop_item_stock CHECK (stock >= 0),
    CONSTRAINT shop_item_per_member CHECK (per_member > 0)
);
CREATE UNIQUE INDEX shop_item_name ON shop_item (guild_id, lower(name)) WHERE removed_at IS NULL;

-- How many of an item somebody has bought, and when last: limits are kept under this row's lock.
CREATE TABLE shop_tally (
    guild_id     bigint NOT NULL,
    shop_item_id uuid NOT NULL,
    person_id    uuid NOT NULL,
    bought       integer NOT NULL,
    last_at      timestamptz NOT NULL,
    PRIMARY KEY (shop_item_id, person_id)
);
CREATE INDEX shop_tally_person ON shop_tally (person_id);

CREATE TABLE shop_sale (
    id           uuid PRIMARY KEY,
    guild_id     bigint NOT NULL,
    shop_item_id uuid NOT NULL,
    -- Whose points it cost, and which member bought it.
    person_id    uuid NOT NULL,
    member_id    uuid NOT NULL,
    item_name    text NOT NULL,
    price        bigint NOT NULL,
    answer       text,
    note         text,
    state        text NOT NULL DEFAULT 'pending',
    bought_at    timestamptz NOT NULL,
    decided_at   timestamptz,
    decided_by_id uuid,
    CONSTRAINT shop_sale_state CHECK (state IN ('pending', 'completed', 'cancelled')),
    CONSTRAINT shop_sale_decided CHECK ((state = 'pending') = (decided_at IS NULL))
);
CREATE INDEX shop_sale_queue ON shop_sale (guild_id, bought_at) WHERE state = 'pending';
CREATE INDEX shop_sale_person ON shop_sale (person_id);
CREATE INDEX shop_sale_member ON shop_sale (member_id);

-- A purchase that somebody is about to make: what was asked of them, until they confirm.
CREATE TABLE shop_draft (
    id           uuid PRIMARY KEY,
    guild_id     bigint NOT NULL,
    shop_item_id uuid NOT NULL,
    member_id    uuid NOT NULL,
    -- As it was shown: another price is not paid.
    price        bigint NOT NULL,
    answer       text,
    note         text,
    created_at   timestamptz NOT NULL
);
CREATE INDEX shop_draft_old ON shop_draft (created_at);
CREATE INDEX shop_draft_member ON shop_draft (member_id);

-- Roles that linked members get for watching.
CREATE TABLE watch_role (
    guild_id   bigint NOT NULL,
    role_id    bigint NOT NULL,
    name       text NOT NULL,
    minutes    bigint NOT NULL,
    enabled    boolean NOT NULL DEFAULT true,
    -- Why Discord did not let it be given.
    fault      text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (guild_id, role_id),
    CONSTRAINT watch_role_minutes CHECK (minutes > 0)
);

-- Who was given which.
CREATE TABLE watch_role_grant (
    guild_id   bigint NOT NULL,
    role_id    bigint NOT NULL,
    member_id  uuid NOT NULL,
    granted_at timestamptz NOT NULL,
    PRIMARY KEY (guild_id, role_id, member_id)
);
CREATE INDEX watch_role_grant_member ON watch_role_grant (member_id);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (26, 1);
