-- How a source usually sounds, and under which secrets it may sign.

-- The last event of each kind; the kind '' stands for all of them.
CREATE TABLE pulse (
    source_id   uuid NOT NULL,
    guild_id    bigint NOT NULL,
    kind        text NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    events      bigint NOT NULL,
    -- The last event before a silence that the admins were told about; null when there is none.
    quiet_since timestamptz,
    -- When the last such silence ended.
    resumed_at  timestamptz,
    PRIMARY KEY (source_id, kind)
);

-- Events of each hour, for five weeks: what is usual at this hour of the week.
CREATE TABLE pulse_hour (
    source_id uuid NOT NULL,
    kind      text NOT NULL,
    hour      timestamptz NOT NULL,
    events    bigint NOT NULL,
    PRIMARY KEY (source_id, kind, hour)
);
CREATE INDEX pulse_hour_age ON pulse_hour (hour);

-- Since when somebody has listened without a pause: a silence while nobody listened means nothing.
CREATE TABLE pulse_watch (
    id      boolean PRIMARY KEY DEFAULT true,
    since   timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    CONSTRAINT pulse_watch_once CHECK (id)
);

INSERT INTO pulse (source_id, guild_id, kind, first_at, last_at, events)
    SELECT e.source_id, e.guild_id, COALESCE(e.kind, ''), min(e.received_at), max(e.received_at), count(*)
    FROM event e WHERE e.kind <> 'webhook.test' AND e.kind <> 'signalbox.notice' AND e.planned_at IS NOT NULL
    GROUP BY GROUPING SETS ((e.source_id, e.guild_id, e.kind), (e.source_id, e.guild_id))
    ON CONFLICT DO NOTHING;
INSERT INTO pulse_hour (source_id, kind, hour, events)
    SELECT e.source_id, COALESCE(e.kind, ''), h.hour, count(*)
    FROM event e, LATERAL (SELECT to_timestamp(floor(extract(epoch FROM e.received_at) / 3600) * 3600) AS hour) h
    WHERE e.kind <> 'webhook.test' AND e.kind <> 'signalbox.notice' AND e.planned_at IS NOT NULL
    GROUP BY GROUPING SETS ((e.source_id, e.kind, h.hour), (e.source_id, h.hour))
    ON CONFLICT DO NOTHING;

-- The secrets under which a source may sign. Values generated here are settings; those of the environment are there alone.
CREATE TABLE webhook_secret (
    source_id    uuid NOT NULL,
    -- The setting that holds the value, or 'env:current' and 'env:previous'.
    slot         text NOT NULL,
    created_at   timestamptz NOT NULL,
    -- When the upstream took it; null: not known yet, a rotation is to be continued.
    confirmed_at timestamptz,
    -- From then on it is refused; null: no end is set.
    ends_at      timestamptz,
    last_used_at timestamptz,
    PRIMARY KEY (source_id, slot)
);
-- One rotation at a time.
CREATE UNIQUE INDEX webhook_secret_pending ON webhook_secret (source_id)
    WHERE confirmed_at IS NULL AND slot NOT LIKE 'env:%';

INSERT INTO schema_compatibility (version, compatible_from) VALUES (9, 1);
