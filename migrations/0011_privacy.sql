-- Privacy: the audit log's hash chain, servers that were left, and what a deletion has to remember.

-- Rows of `audit` that no seal covers yet, in the order they became visible. The program's rows only, whatever
-- its release: a row that somebody writes by hand is in neither table, and `audit verify` names it.
CREATE TABLE audit_unsealed (
    audit_id bigint PRIMARY KEY,
    guild_id bigint NOT NULL
);
CREATE INDEX audit_unsealed_guild ON audit_unsealed (guild_id, audit_id);

-- One link of a guild's chain: the hash covers the row and the hash before it (src/store/audit_chain.rs).
CREATE TABLE audit_seal (
    guild_id  bigint NOT NULL,
    seq       bigint NOT NULL,
    audit_id  bigint NOT NULL,
    prev_hash bytea NOT NULL,
    hash      bytea NOT NULL,
    PRIMARY KEY (guild_id, seq),
    CONSTRAINT audit_seal_once UNIQUE (audit_id)
);

-- Where a chain ends, kept apart from it; and where it begins since older rows were purged.
CREATE TABLE audit_head (
    guild_id    bigint PRIMARY KEY,
    seq         bigint NOT NULL DEFAULT 0,
    hash        bytea NOT NULL,
    anchor_seq  bigint NOT NULL DEFAULT 0,
    anchor_hash bytea NOT NULL
);

CREATE FUNCTION audit_await_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('application_name', true) LIKE 'signalbox%' THEN
        INSERT INTO audit_unsealed (audit_id, guild_id) VALUES (NEW.id, NEW.guild_id);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_await_seal AFTER INSERT ON audit FOR EACH ROW EXECUTE FUNCTION audit_await_seal();
INSERT INTO audit_unsealed (audit_id, guild_id) SELECT id, guild_id FROM audit;

-- Only a purge takes rows out: of a server that was left, or past AUDIT_DAYS.
CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('signalbox.purge', true) = 'audit' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_seal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE INDEX audit_person ON audit (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX approval_person ON approval (person_id) WHERE person_id IS NOT NULL;

-- Servers that removed the bot; their data goes when `purge_at` has come. A return deletes the row.
CREATE TABLE guild_departure (
    guild_id    bigint PRIMARY KEY,
    departed_at timestamptz NOT NULL,
    purge_at    timestamptz NOT NULL
);

-- Who asked for a deletion today, as a keyed hash of the Discord id.
CREATE TABLE privacy_request (
    requester text PRIMARY KEY,
    at        timestamptz NOT NULL
);

-- The oldest first, at next to no cost for what is sent.
CREATE INDEX send_finished_at ON send USING brin (finished_at);

-- A binary from before cannot read encrypted secrets.
INSERT INTO schema_compatibility (version, compatible_from) VALUES (11, 11);
