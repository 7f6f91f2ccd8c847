-- Match statistics of ET:Legacy: the files as they came, and what follows from them. Everything but `stats_file`, `stats_card`
-- and `stats_cursor` can be made anew from the files.

CREATE TABLE stats_file (
    id             uuid PRIMARY KEY,
    guild_id       bigint NOT NULL,
    name           text NOT NULL,
    sha256         bytea NOT NULL,
    -- As they came; empty where a file was too large to be taken.
    bytes          bytea NOT NULL,
    kind           text NOT NULL,
    -- By the name, or by what a message says.
    stem           text,
    map            text,
    round          smallint,
    ended_at       timestamptz,
    way            text NOT NULL,
    -- Of history: nothing is posted about it.
    silent         boolean NOT NULL,
    parser_version integer NOT NULL,
    received_at    timestamptz NOT NULL,
    state          text NOT NULL,
    -- Why it cannot be read, and where.
    fault          text,
    fault_line     integer,
    fault_column   integer,
    CONSTRAINT stats_file_once UNIQUE (guild_id, name, sha256),
    CONSTRAINT stats_file_sha256 CHECK (octet_length(sha256) = 32),
    CONSTRAINT stats_file_kind CHECK (kind IN ('round', 'awards', 'ready', 'gametime', 'other')),
    CONSTRAINT stats_file_state CHECK (state IN ('waiting', 'done', 'replaced', 'quarantined')),
    CONSTRAINT stats_file_fault CHECK ((fault IS NOT NULL) = (state = 'quarantined')),
    CONSTRAINT stats_file_placed CHECK (state = 'quarantined' OR (ended_at IS NOT NULL AND map IS NOT NULL AND round IS NOT NULL))
);
-- One version of a name counts.
CREATE UNIQUE INDEX stats_file_current ON stats_file (guild_id, name) WHERE state IN ('waiting', 'done');
CREATE INDEX stats_file_time ON stats_file (guild_id, ended_at) WHERE state IN ('waiting', 'done');
CREATE INDEX stats_file_waiting ON stats_file (guild_id, ended_at) WHERE state = 'waiting';
CREATE INDEX stats_file_quarantined ON stats_file (guild_id, received_at) WHERE state = 'quarantined';

-- A round, as `matches::record` made it of the files around it.
CREATE TABLE stats_round (
    -- Follows from server and name.
    id              uuid PRIMARY KEY,
    guild_id        bigint NOT NULL,
    name            text NOT NULL,
    stem            text NOT NULL,
    match_id        text NOT NULL,
    map             text NOT NULL,
    round           smallint NOT NULL,
    ended_at        timestamptz NOT NULL,
    server          text NOT NULL,
    config          text NOT NULL,
    defender        smallint,
    winner          smallint,
    limit_seconds   integer NOT NULL,
    elapsed_seconds integer,
    elapsed_basis   text NOT NULL,
    outcome         text,
    confidence      text NOT NULL,
    status          text NOT NULL,
    -- Why it does not count.
    invalid         text[] NOT NULL,
    is_valid        boolean NOT NULL GENERATED ALWAYS AS (cardinality(invalid) = 0) STORED,
    session_key     text NOT NULL,
    -- Which team of the session was Axis.
    axis_team       smallint NOT NULL,
    -- Of a second round: what the map brought the two teams.
    points_one      smallint,
    points_two      smallint,
    -- Told by a message about the round.
    surrendered     smallint,
    end_reason      text,
    pauses          integer,
    paused_seconds  integer,
    -- What was unusual in the file.
    notes           text[] NOT NULL,
    -- Of all of it and its lines: what is the same is not written again.
    digest          bytea NOT NULL,
    CONSTRAINT stats_round_name UNIQUE (guild_id, name),
    CONSTRAINT stats_round_number CHECK (round IN (1, 2))
);
CREATE INDEX stats_round_time ON stats_round (guild_id, ended_at);
CREATE INDEX stats_round_map ON stats_round (guild_id, map, ended_at);
CREATE INDEX stats_round_session ON stats_round (guild_id, session_key);

-- One player in one round, with the numbers of that round alone.
CREATE TABLE stats_line (
    round_id        uuid NOT NULL REFERENCES stats_round (id) ON DELETE CASCADE,
    guild_id        bigint NOT NULL,
    guid            text NOT NULL,
    -- Whoever shares a GUID (all bots do) is told apart by name; empty for everybody else.
    alias           text NOT NULL,
    nth             smallint NOT NULL,
    raw_name        text NOT NULL,
    name            text NOT NULL,
    is_bot          boolean NOT NULL,
    side            smallint,
    team            smallint,
    -- Over all weapons, and over the light ones.
    kills           integer NOT NULL,
    deaths          integer NOT NULL,
    headshots       integer NOT NULL,
    hits            integer NOT NULL,
    shots           integer NOT NULL,
    light_hits      integer NOT NULL,
    light_shots     integer NOT NULL,
    light_kills     integer NOT NULL,
    light_deaths    integer NOT NULL,
    light_headshots integer NOT NULL,
    -- Of hand and rifle grenades.
    grenade_hits    integer NOT NULL,
    grenade_shots   integer NOT NULL,
    grenade_kills   integer NOT NULL,
    -- Older scripts do not say it; what the syringe hit then.
    revives_given   integer NOT NULL,
    -- Fields in the order of the file, 38; NULL: not recorded.
    tally           integer[] NOT NULL,
    -- Six for each weapon: bit, hits, shots, kills, deaths, headshots.
    weapons         integer[] NOT NULL,
    origin          text NOT NULL,
    PRIMARY KEY (round_id, guid, alias, nth),
    CONSTRAINT stats_line_tally CHECK (cardinality(tally) = 38),
    CONSTRAINT stats_line_weapons CHECK (cardinality(weapons) % 6 = 0)
);
CREATE INDEX stats_line_person ON stats_line (guild_id, guid);

-- What counts: rounds that are valid, of people who are known across matches.
CREATE VIEW stats_counted AS
    SELECT l.round_id, l.guild_id, l.guid, l.name, l.raw_name, l.side, l.team, l.kills, l.deaths, l.headshots, l.hits, l.shots,
        l.light_hits, l.light_shots, l.light_kills, l.light_deaths, l.light_headshots, l.grenade_hits, l.grenade_shots,
        l.grenade_kills, l.revives_given, l.weapons, r.stem, r.match_id, r.map, r.round, r.ended_at, r.session_key,
        r.defender, r.winner, r.elapsed_seconds,
        COALESCE(l.tally[1], 0) AS damage_given, COALESCE(l.tally[2], 0) AS damage_received,
        COALESCE(l.tally[3], 0) AS team_damage_given, COALESCE(l.tally[4], 0) AS team_damage_received,
        COALESCE(l.tally[5], 0) AS gibs, COALESCE(l.tally[6], 0) AS selfkills, COALESCE(l.tally[7], 0) AS teamkills,
        COALESCE(l.tally[8], 0) AS teamgibs, COALESCE(l.tally[10], 0) AS xp,
        COALESCE(l.tally[11], 0) AS killing_spree, COALESCE(l.tally[12], 0) AS death_spree,
        COALESCE(l.tally[13], 0) AS kill_assists, COALESCE(l.tally[14], 0) AS kill_steals,
        COALESCE(l.tally[15], 0) AS headshot_kills, COALESCE(l.tally[16], 0) AS objectives_stolen,
        COALESCE(l.tally[17], 0) AS objectives_returned, COALESCE(l.tally[18], 0) AS dynamites_planted,
        COALESCE(l.tally[19], 0) AS dynamites_defused, COALESCE(l.tally[20], 0) AS times_revived,
        COALESCE(l.tally[23], 0) AS tenths_played, COALESCE(l.tally[26], 0) AS tenths_dead,
        COALESCE(l.tally[28], 0) AS useful_kills, COALESCE(l.tally[29], 0) AS denied_seconds,
        COALESCE(l.tally[30], 0) AS double_kills, COALESCE(l.tally[31], 0) AS triple_kills,
        COALESCE(l.tally[32], 0) AS quad_kills, COALESCE(l.tally[33], 0) AS penta_kills, COALESCE(l.tally[34], 0) AS hexa_kills,
        COALESCE(l.tally[35], 0) AS useless_kills, COALESCE(l.tally[36], 0) AS full_selfkills,
        COALESCE(l.tally[37], 0) AS repairs
    FROM stats_line l JOIN stats_round r ON r.id = l.round_id
    WHERE r.is_valid AND l.alias = '' AND NOT l.is_bot;

-- As whom people have played.
CREATE TABLE stats_alias (
    guild_id bigint NOT NULL,
    guid     text NOT NULL,
    name     text NOT NULL,
    rounds   bigint NOT NULL,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (guild_id, guid, name)
);
CREATE INDEX stats_alias_name ON stats_alias (guild_id, lower(name) text_pattern_ops);

-- Rounds of which each follows the one before within an hour.
CREATE TABLE stats_session (
    guild_id  bigint NOT NULL,
    -- The stem of the first round; of one that was told of, the stem that was the first then.
    key       text NOT NULL,
    first_at  timestamptz NOT NULL,
    last_at   timestamptz NOT NULL,
    rounds    integer NOT NULL,
    maps      integer NOT NULL,
    players   integer NOT NULL,
    score_one integer NOT NULL,
    score_two integer NOT NULL,
    -- When its summary is to be posted, or looked at again.
    due_at    timestamptz,
    PRIMARY KEY (guild_id, key)
);
CREATE INDEX stats_session_time ON stats_session (guild_id, last_at);
CREATE INDEX stats_session_due ON stats_session (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE stats_award (
    guild_id  bigint NOT NULL,
    -- Of the round that the file's name says, which may not be there.
    round_id  uuid NOT NULL,
    position  integer NOT NULL,
    award     text NOT NULL,
    player    text NOT NULL,
    -- `NULL`: nobody of the round, or several, have that name.
    guid      text,
    value     text NOT NULL,
    -- In thousandths of the unit, where it is a number.
    amount    bigint,
    PRIMARY KEY (round_id, position)
);
CREATE INDEX stats_award_name ON stats_award (guild_id, award);

-- Who killed whom how often, where the owners of the rows are known.
CREATE TABLE stats_duel (
    guild_id      bigint NOT NULL,
    round_id      uuid NOT NULL,
    position      integer NOT NULL,
    owner         text NOT NULL,
    owner_guid    text,
    opponent      text NOT NULL,
    opponent_guid text,
    kills         integer NOT NULL,
    deaths        integer NOT NULL,
    PRIMARY KEY (round_id, position)
);
CREATE INDEX stats_duel_owner ON stats_duel (guild_id, owner_guid);

-- What was told of a round, a map, awards, a session: so that only what changed is told again.
CREATE TABLE stats_card (
    guild_id bigint NOT NULL,
    kind     text NOT NULL,
    key      text NOT NULL,
    report   jsonb NOT NULL,
    -- How often it was told.
    version  integer NOT NULL,
    told_at  timestamptz NOT NULL,
    PRIMARY KEY (guild_id, kind, key),
    CONSTRAINT stats_card_kind CHECK (kind IN ('round', 'map', 'awards', 'session'))
);

-- How far a place where files appear was read, and what is wrong with it.
CREATE TABLE stats_cursor (
    guild_id  bigint NOT NULL,
    place     text NOT NULL,
    position  text NOT NULL,
    looked_at timestamptz NOT NULL,
    fault     text,
    PRIMARY KEY (guild_id, place)
);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (32, 1);
