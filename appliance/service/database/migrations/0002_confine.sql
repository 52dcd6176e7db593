-- The one form of row-level security: a service's migration calls this once for each of its tables.
--
-- Rows whose label the transaction was not admitted to read do not exist for it; it adds, changes and removes only rows
-- whose label it was admitted to write; a label never changes. A table with a column that names a need-to-know group
-- shows a row of a group to its members alone. Which of these commands the service's role may use at all is for the
-- migration to grant. The owner of the table is held to the policies too.
CREATE FUNCTION appliance.confine(target regclass, group_column name DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    -- The inner SELECT is evaluated once for a statement, not once for a row.
    readable CONSTANT text := 'label_id = ANY ((SELECT appliance.readable())::integer[])';
    writable CONSTANT text := 'label_id = ANY ((SELECT appliance.writable())::integer[])';
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
        EXECUTE format(
            'CREATE POLICY need_to_know ON %s AS RESTRICTIVE '
            'USING (%I IS NULL OR %I = ANY ((SELECT appliance.groups())::text[]))', target, group_column, group_column
        );
    END IF;
    EXECUTE format(
        'CREATE TRIGGER fixed_label BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION appliance.refuse_relabeling()', target
    );
END $$;

REVOKE ALL ON FUNCTION appliance.confine(regclass, name) FROM PUBLIC;
