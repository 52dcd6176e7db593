-- Digest of everything in this database that is outside the schema of one service, for its migrations to leave alone.
-- Named by what it is, not by when it changed: a foreign key to a table outside touches that table's row in pg_class.
WITH others AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
    WHERE nspname <> %(schema)s AND nspname <> 'information_schema' AND nspname NOT LIKE 'pg\_%%'
), relations AS (
    SELECT c.* FROM pg_class AS c JOIN others ON others.oid = c.relnamespace
), lines AS (
    SELECT 'schema ' || others::text AS line FROM others
    UNION ALL
    SELECT concat_ws(' ', 'relation', oid, relname, relnamespace, relkind, relowner, relacl, relrowsecurity,
                     relforcerowsecurity, reloptions)
    FROM relations
    UNION ALL
    SELECT concat_ws(' ', 'column', attrelid, attname, atttypid, attnotnull, attacl, pg_get_expr(adbin, adrelid))
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid IN (SELECT oid FROM relations) AND attnum > 0 AND NOT attisdropped
    UNION ALL
    SELECT concat_ws(' ', 'constraint', conrelid, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE conrelid IN (SELECT oid FROM relations)
    UNION ALL
    SELECT concat_ws(' ', 'policy', pg_policy::text) FROM pg_policy WHERE polrelid IN (SELECT oid FROM relations)
    UNION ALL
    SELECT concat_ws(' ', 'trigger', tgrelid, tgenabled, pg_get_triggerdef(oid))
    FROM pg_trigger WHERE tgrelid IN (SELECT oid FROM relations) AND NOT tgisinternal
    UNION ALL
    SELECT concat_ws(' ', 'rule', ev_class, ev_enabled, pg_get_ruledef(oid))
    FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM relations)
    UNION ALL
    SELECT concat_ws(' ', 'function', p.oid, proname, proowner, proacl, prosecdef, provolatile, proconfig, prosrc)
    FROM pg_proc AS p JOIN others ON others.oid = p.pronamespace
    UNION ALL
    SELECT concat_ws(' ', 'type', t.oid, typname, typowner, typacl)
    FROM pg_type AS t JOIN others ON others.oid = t.typnamespace
    UNION ALL
    SELECT concat_ws(' ', 'default', pg_default_acl::text) FROM pg_default_acl
    UNION ALL
    SELECT concat_ws(' ', 'database', datname, datdba, datacl) FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT concat_ws(' ', 'setting', pg_db_role_setting::text) FROM pg_db_role_setting
    UNION ALL
    SELECT concat_ws(' ', 'migration', name, sha256) FROM appliance.migrations
    WHERE name <> ALL (%(without)s::text[])
)
SELECT md5(string_agg(line, E'\n' ORDER BY line)) FROM lines
