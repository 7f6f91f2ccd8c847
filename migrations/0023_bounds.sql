-- Bounds: refusals that repeat are counted, and a deletion finds what names its member without reading everything.

-- A refused press is one line of `audit`; what is refused again for the same reason within the hour is counted here, and
-- told by one line more when the hour is over. A row lives as long as that.
CREATE TABLE audit_repeat (
    guild_id    bigint NOT NULL,
    person_id   uuid NOT NULL,
    -- The approval, or the subject.
    about       uuid NOT NULL,
    -- Action, verb and reason.
    what        text NOT NULL,
    since       timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    more        integer NOT NULL DEFAULT 0,
    -- The line, as it will be said again.
    approval_id uuid,
    action      text NOT NULL,
    detail      jsonb NOT NULL,
    PRIMARY KEY (guild_id, person_id, about, what)
);
CREATE INDEX audit_repeat_since ON audit_repeat (since);

-- Who is to be forgotten and is not yet everywhere. A row lives as long as that takes.
CREATE TABLE privacy_deletion (
    discord_user_id bigint PRIMARY KEY,
    asked_at        timestamptz NOT NULL
);

-- Members that a message names. Most name nobody, and cost next to nothing.
CREATE FUNCTION mentioned_in(body jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT found[1]) FROM regexp_matches(body::text, '<@!?([0-9]+)>', 'g') found
$$;
CREATE INDEX send_mentioned ON send USING gin (mentioned_in(body)) WHERE body::text LIKE '%<@%';
CREATE INDEX message_mentions ON message USING gin (mentions) WHERE mentions <> '{}';

INSERT INTO schema_compatibility (version, compatible_from) VALUES (23, 1);
