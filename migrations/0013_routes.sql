-- Routes that people make: names, filters, templates, pauses; each change can be shown and undone; and each
-- event keeps the plan that was made for it. An older binary beside this one knows no filters and no
-- templates: what it plans goes by type and severity alone.

-- What was tried for the event, and why it went where it did (src/routing/trace.rs).
ALTER TABLE event ADD COLUMN plan jsonb;

CREATE TABLE template (
    id          uuid PRIMARY KEY,
    guild_id    bigint NOT NULL,
    name        text NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    content     text NOT NULL DEFAULT '',
    title       text NOT NULL DEFAULT '',
    description text NOT NULL DEFAULT '',
    -- [{"name": …, "value": …, "inline": …}]
    fields      jsonb NOT NULL DEFAULT '[]',
    color       text NOT NULL DEFAULT '',
    url         text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT template_name UNIQUE (guild_id, name)
);

ALTER TABLE route
    -- What people call it; null for routes of the environment, which go by their pattern.
    ADD COLUMN name text,
    -- An expression over the event; null: none.
    ADD COLUMN filter text,
    ADD COLUMN template_id uuid REFERENCES template (id),
    -- Every destination of this type and scope, besides those that are listed.
    ADD COLUMN webhook_type text,
    ADD COLUMN webhook_scope text,
    -- A paused route has `enabled` off, too, which is all that an older binary looks at.
    ADD COLUMN paused_at timestamptz,
    ADD COLUMN version bigint NOT NULL DEFAULT 1,
    ADD COLUMN updated_at timestamptz;
UPDATE route SET name = 'route-' || left(id::text, 13) WHERE origin = 'db';
CREATE UNIQUE INDEX route_name ON route (guild_id, name);

-- Every change that a person made to a route or a template.
CREATE TABLE route_change (
    id          uuid PRIMARY KEY,
    guild_id    bigint NOT NULL,
    what        text NOT NULL,
    target_id   uuid NOT NULL,
    name        text NOT NULL,
    person_id   uuid,
    changed_at  timestamptz NOT NULL,
    -- The whole of it as it was and as it became, without mentions; null: it was not there.
    before      jsonb,
    after       jsonb,
    mentions_before text[] NOT NULL DEFAULT '{}',
    mentions_after  text[] NOT NULL DEFAULT '{}',
    -- The version that the change made: an undo needs it to be the present one. Null after a removal.
    version     bigint,
    undone_at   timestamptz,
    undone_by   uuid,
    CONSTRAINT route_change_what CHECK (what IN ('route', 'template')),
    CONSTRAINT route_change_something CHECK (before IS NOT NULL OR after IS NOT NULL)
);
CREATE INDEX route_change_recent ON route_change (guild_id, changed_at);
CREATE INDEX route_change_target ON route_change (target_id, changed_at);

-- What somebody is about to save: shown as a preview first.
CREATE TABLE route_draft (
    id           uuid PRIMARY KEY,
    guild_id     bigint NOT NULL,
    person_id    uuid NOT NULL,
    what         text NOT NULL,
    -- Null: to be added.
    target_id    uuid,
    base_version bigint,
    body         jsonb NOT NULL,
    mentions     text[] NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT route_draft_what CHECK (what IN ('route', 'template'))
);
CREATE INDEX route_draft_expires ON route_draft (expires_at);

ALTER TABLE message
    -- Templated text, with the mentions of the route before it, is in `content`.
    -- The change that a message tells of: it names who made it, and has an Undo button.
    ADD COLUMN change_id uuid;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (13, 1);
