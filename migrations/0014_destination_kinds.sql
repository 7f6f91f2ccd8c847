-- Destinations that people name, type and pause; threads and forums beside channels and webhooks.

ALTER TABLE destination
    ADD COLUMN name text,
    ADD COLUMN description text,
    -- What a panel's event is matched against; null: only routes that name it lead here.
    ADD COLUMN webhook_type text,
    ADD COLUMN webhook_scope text,
    -- False: paused by a person; its messages wait. `disabled_at` is Discord's word.
    ADD COLUMN enabled boolean NOT NULL DEFAULT true,
    -- A forum post is archived when its card is resolved.
    ADD COLUMN archives_resolved boolean NOT NULL DEFAULT false,
    -- As the last check found it: what Discord calls it, and the tags that posts may be given.
    ADD COLUMN discord_name text,
    ADD COLUMN forum_tags jsonb,
    ADD COLUMN tested_at timestamptz,
    ADD COLUMN last_delivery_at timestamptz,
    -- Nothing goes here any more; what went is still explained.
    ADD COLUMN removed_at timestamptz,
    DROP CONSTRAINT destination_kind,
    -- A check makes a channel what Discord says it is. An older binary posts into a thread as into a channel;
    -- what it tries in a forum is refused, and can be replayed.
    ADD CONSTRAINT destination_kind CHECK (
        (kind IN ('channel', 'thread', 'forum') AND channel_id IS NOT NULL AND webhook_id IS NULL)
        OR (kind = 'webhook' AND webhook_id IS NOT NULL AND webhook_token IS NOT NULL)
    ),
    ADD CONSTRAINT destination_webhook_type CHECK (
        webhook_type IN ('GAME_SERVER', 'VPS', 'SYSTEM', 'BILLING', 'SECURITY', 'SUPPORT', 'CUSTOM')
    ),
    ADD CONSTRAINT destination_webhook_scope CHECK (webhook_scope IN ('ADMIN', 'USER', 'PUBLIC'));
CREATE UNIQUE INDEX destination_name_unique ON destination (guild_id, lower(name)) WHERE removed_at IS NULL;

ALTER TABLE send
    -- In a forum: the post that this goes into, or the one that it opens (name and tags).
    ADD COLUMN thread_id bigint,
    ADD COLUMN thread jsonb,
    -- What the post is about; later notices about the same go into it.
    ADD COLUMN post_key text;
CREATE INDEX send_post ON send (destination_id, post_key) WHERE post_key IS NOT NULL AND thread IS NOT NULL;
CREATE INDEX send_discord_message ON send (discord_message_id) WHERE discord_message_id IS NOT NULL;
CREATE INDEX attempt_card ON attempt (card_id, id) WHERE send_id IS NULL;

-- The tags and the archive of a card's post, as they were set last.
ALTER TABLE card ADD COLUMN thread_state text;

INSERT INTO schema_compatibility (version, compatible_from) VALUES (14, 1);
