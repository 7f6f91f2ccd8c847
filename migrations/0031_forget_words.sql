-- Who is forgotten leaves no word and no name behind in the ledger either: causes name accounts of Kick and details hold
-- what was said about a grant. Amounts, persons and times take no change as before.
CREATE FUNCTION ledger_forgets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('signalbox.purge', true) = 'forget' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the ledger is append-only';
END
$$;
DROP TRIGGER ledger_append_only ON ledger;
CREATE TRIGGER ledger_append_only
    BEFORE UPDATE OF guild_id, person_id, at, amount, kind, by_id, reverses OR DELETE OR TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only();
CREATE TRIGGER ledger_words BEFORE UPDATE OF cause, detail ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_forgets();

INSERT INTO schema_compatibility (version, compatible_from) VALUES (31, 1);
