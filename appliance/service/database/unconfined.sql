-- What in one schema a reader could get past row-level security, one line each.
SELECT format('%%I.%%I: %%s', nspname, relname, reason) AS line
FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace,
LATERAL (
    SELECT 'row-level security is not enabled' AS reason
    WHERE relkind IN ('r', 'p') AND NOT relrowsecurity
    UNION ALL
    SELECT 'row-level security is not forced on its owner'
    WHERE relkind IN ('r', 'p') AND relrowsecurity AND NOT relforcerowsecurity
    UNION ALL
    SELECT 'keeps rows that no policy filters: use a view or a table' WHERE relkind IN ('m', 'f')
    UNION ALL
    SELECT format('%%s has %%s, which goes round the policies',
                  coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC'), string_agg(privilege_type, ', ' ORDER BY privilege_type))
    FROM aclexplode(relacl)
    WHERE relkind IN ('r', 'p') AND grantee <> relowner AND privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')
    GROUP BY grantee
) AS reasons
WHERE nspname = %(schema)s
ORDER BY line
