-- Restrictions (markings.Restriction): a label, need-to-know groups, and whether the originator controls it.

-- Whether the subject of this transaction may read what is restricted so; nobody may before admit().
CREATE FUNCTION appliance.can_read(restriction text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    parts  text[] := string_to_array(restriction, '|');
    label  text[] := string_to_array(parts[1], ';');
    reader appliance.admitted;
BEGIN
    IF restriction !~ ('^(U|CUI|C|S|TS);([A-Z0-9_ -]+(,[A-Z0-9_ -]+)*)?;(\*|([A-Z]{3}(,[A-Z]{3})*)?)'
                       '\|([a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*)?\|(OC)?$') THEN
        RAISE EXCEPTION '% is no encoded restriction', quote_literal(restriction) USING ERRCODE = 'check_violation';
    END IF;
    SELECT * INTO reader FROM appliance.admitted
    WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned();
    RETURN FOUND
        AND appliance.level_rank(label[1]) <= appliance.level_rank(reader.level)
        AND string_to_array(label[2], ',') <@ reader.need
        AND (label[3] = '*'
             OR (cardinality(reader.nationalities) > 0 AND reader.nationalities <@ string_to_array(label[3], ',')))
        AND string_to_array(parts[2], ',') <@ reader.groups;
END $$;

-- Whether it may leave to the subject of this transaction, for example as an export.
CREATE FUNCTION appliance.can_receive(restriction text) RETURNS boolean
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT appliance.can_read(restriction) AND (
        restriction NOT LIKE '%|OC'
        OR coalesce((
            SELECT released FROM appliance.admitted
            WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
        ), false)
    )
$$;

-- As before; the group column may now be text[]: a row of several groups is for who is a member of each.
CREATE OR REPLACE FUNCTION appliance.confine(target regclass, group_column name DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    -- The inner SELECT is evaluated once for a statement, not once for a row.
    readable CONSTANT text := 'label_id = ANY ((SELECT appliance.readable())::integer[])';
    writable CONSTANT text := 'label_id = ANY ((SELECT appliance.writable())::integer[])';
    member   text := '%I IS NULL OR %I = ANY ((SELECT appliance.groups())::text[])';
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = target AND attname = 'label_id' AND atttypid = 'integer'::regtype AND attnotnull
    ) THEN
        RAISE EXCEPTION '% has no column "label_id integer NOT NULL"', target USING ERRCODE = 'undefined_column';
    END IF;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', target);
    EXECUTE format('CREATE POLICY readable ON %s FOR SELECT USING (%s)', target, readable);
    EXECUTE format('CREATE POLICY writable ON %s FOR INSERT WITH CHECK (%s)', target, writable);
    EXECUTE format(
        'CREATE POLICY changeable ON %s FOR UPDATE USING (%s AND %s) WITH CHECK (%s)', target, readable, writable, writable
    );
    EXECUTE format('CREATE POLICY removable ON %s FOR DELETE USING (%s AND %s)', target, readable, writable);
    IF group_column IS NOT NULL THEN
        IF EXISTS (SELECT FROM pg_attribute
                   WHERE attrelid = target AND attname = group_column AND atttypid = 'text[]'::regtype) THEN
            member := '%I IS NULL OR %I <@ (SELECT appliance.groups())';
        END IF;
        EXECUTE format('CREATE POLICY need_to_know ON %s AS RESTRICTIVE USING (%s)', target,
                       format(member, group_column, group_column));
    END IF;
    EXECUTE format(
        'CREATE TRIGGER fixed_label BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION appliance.refuse_relabeling()', target
    );
END $$;

REVOKE ALL ON FUNCTION appliance.can_read(text), appliance.can_receive(text) FROM PUBLIC;

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION appliance.can_read(text), appliance.can_receive(text) TO %I',
                   current_database());
END $$;
