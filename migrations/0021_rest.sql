-- Routes changed by programs, the sender of a webhook's messages, and the lists of one server in the order of their pages.

ALTER TABLE route_change
    -- The API key that made the change, by its name; then nobody stands in `person_id`.
    ADD COLUMN key_name text;

ALTER TABLE destination
    -- Of a webhook: as whom its messages are posted; null: as Discord has it.
    ADD COLUMN sender_name text,
    ADD COLUMN sender_avatar_url text;

CREATE INDEX event_of_guild ON event (guild_id, id DESC);
CREATE INDEX message_of_guild ON message (guild_id, id DESC);

INSERT INTO schema_compatibility (version, compatible_from) VALUES (21, 1);
