-- Decisions that people take in Discord and that XTSystems confirms; and the log of who did what.

CREATE TABLE approval (
    id           uuid PRIMARY KEY,
    guild_id     bigint NOT NULL,
    source_id    uuid NOT NULL REFERENCES source (id),
    subject_id   uuid NOT NULL REFERENCES subject (id),
    event_id     uuid NOT NULL,
    -- Order key of the registration: which of two registrations is the newer one.
    occurred_at  timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    asset_id     text NOT NULL,
    company_id   text,
    hostname     text NOT NULL,
    ip_address   text NOT NULL,
    state        text NOT NULL DEFAULT 'requested',
    verb         text,
    reason       text,
    person_id    uuid,
    decided_at   timestamptz,
    -- The call upstream: due time, lease, and what it answered.
    call_due_at  timestamptz,
    call_attempts integer NOT NULL DEFAULT 0,
    lease_token  uuid,
    leased_until timestamptz,
    upstream_status integer,
    upstream_text text,
    -- 'approve' or 'deny' as the upstream has it, and who decided there.
    outcome      text,
    outcome_by   text,
    settled_at   timestamptz,
    created_at   timestamptz NOT NULL,
    CONSTRAINT approval_event UNIQUE (event_id),
    CONSTRAINT approval_state CHECK (state IN
        ('requested', 'deciding', 'sent', 'unknown', 'confirmed', 'refused', 'elsewhere', 'superseded')),
    CONSTRAINT approval_verb CHECK (verb IN ('approve', 'deny')),
    CONSTRAINT approval_outcome CHECK (outcome IN ('approve', 'deny')),
    CONSTRAINT approval_decided CHECK (state NOT IN ('deciding', 'sent', 'unknown', 'confirmed', 'refused')
        OR (verb IS NOT NULL AND decided_at IS NOT NULL))
);
CREATE INDEX approval_subject ON approval (subject_id, occurred_at DESC, received_at DESC);
CREATE INDEX approval_due ON approval (call_due_at) WHERE state IN ('deciding', 'sent', 'unknown');

CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    guild_id    bigint NOT NULL,
    at          timestamptz NOT NULL,
    approval_id uuid,
    person_id   uuid,
    action      text NOT NULL,
    detail      jsonb NOT NULL
);
CREATE INDEX audit_guild ON audit (guild_id, id DESC);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit log is append-only';
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

INSERT INTO schema_compatibility (version, compatible_from) VALUES (5, 1);
