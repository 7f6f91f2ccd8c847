-- Who of the matches is who in Discord, and what people are called in statistics.

CREATE TABLE stats_link (
    guild_id     bigint NOT NULL,
    guid         text NOT NULL,
    -- `person.id`; only the member can confirm it.
    member_id    uuid NOT NULL,
    linked_by_id uuid NOT NULL,
    linked_at    timestamptz NOT NULL,
    PRIMARY KEY (guild_id, guid),
    CONSTRAINT stats_link_member UNIQUE (guild_id, member_id)
);
CREATE INDEX stats_link_person ON stats_link (member_id);
CREATE INDEX stats_link_by ON stats_link (linked_by_id);

CREATE TABLE stats_name (
    guild_id  bigint NOT NULL,
    guid      text NOT NULL,
    name      text NOT NULL,
    -- The member who is linked and chose it; NULL: an admin chose it for somebody.
    owner_id  uuid,
    set_by_id uuid NOT NULL,
    set_at    timestamptz NOT NULL,
    PRIMARY KEY (guild_id, guid),
    CONSTRAINT stats_name_length CHECK (char_length(name) BETWEEN 2 AND 32)
);
CREATE INDEX stats_name_text ON stats_name (guild_id, lower(name) text_pattern_ops);
CREATE INDEX stats_name_owner ON stats_name (owner_id);
CREATE INDEX stats_name_by ON stats_name (set_by_id);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (33, 1);
