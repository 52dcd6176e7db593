-- What a database holds: rows counted and digested, and what decides who reaches them. One line a fact, in one order.
-- Two majors of PostgreSQL answer it, so it asks for nothing that each words in its own way, such as expressions that
-- the server writes again. All names are said with their schema, because the search path is empty.
SET search_path = '';
SET TimeZone = 'UTC';
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SET extra_float_digits = 1;
SET bytea_output = 'hex';

SELECT 'role', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
       rolconnlimit
FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY rolname COLLATE "C";

SELECT 'member', r.rolname, m.rolname FROM pg_auth_members AS a
JOIN pg_roles AS r ON r.oid = a.roleid JOIN pg_roles AS m ON m.oid = a.member
WHERE r.rolname !~ '^pg_' ORDER BY r.rolname COLLATE "C", m.rolname COLLATE "C";

SELECT 'setting', coalesce(d.datname, ''), coalesce(r.rolname, ''), s.setconfig FROM pg_db_role_setting AS s
LEFT JOIN pg_database AS d ON d.oid = s.setdatabase LEFT JOIN pg_roles AS r ON r.oid = s.setrole
ORDER BY d.datname COLLATE "C", r.rolname COLLATE "C";

-- Whatever has owner and grants; privileges that only one of the two majors has are left out.
WITH thing AS (
    SELECT 'database' AS kind, datname::text AS name, datdba AS owner, coalesce(datacl, acldefault('d', datdba)) AS acl
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT 'schema', nspname, nspowner, coalesce(nspacl, acldefault('n', nspowner))
    FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL
    SELECT 'relation', c.oid::regclass::text, relowner,
           coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE nspname !~ '^(pg_|information_schema$)' AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
    WHERE nspname !~ '^(pg_|information_schema$)' OR proname ~ '^(lo_[a-z0-9_]+|loread|lowrite)$'
)
SELECT 'grant', kind, name, pg_get_userbyid(owner), receiver, privilege_type, is_grantable
FROM thing, aclexplode(acl), LATERAL (
    SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee) END AS receiver
) AS named
WHERE privilege_type <> 'MAINTAIN'
ORDER BY kind, name COLLATE "C", receiver COLLATE "C", privilege_type, is_grantable;

SELECT 'relation', c.oid::regclass, relkind, relpersistence, relrowsecurity, relforcerowsecurity
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname !~ '^(pg_|information_schema$)' AND relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I')
ORDER BY c.oid::regclass::text COLLATE "C";

SELECT 'column', c.oid::regclass, row_number() OVER (PARTITION BY c.oid ORDER BY attnum), attname,
       format_type(atttypid, atttypmod), attnotnull, atthasdef, attidentity, attgenerated
FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname !~ '^(pg_|information_schema$)' AND relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0
  AND NOT attisdropped
ORDER BY c.oid::regclass::text COLLATE "C", attnum;

SELECT 'policy', polrelid::regclass, polname, polcmd, polpermissive, polqual IS NULL, polwithcheck IS NULL,
       array(SELECT CASE one WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(one) END FROM unnest(polroles) AS one ORDER BY 1)
FROM pg_policy ORDER BY polrelid::regclass::text COLLATE "C", polname COLLATE "C";

SELECT 'constraint', conrelid::regclass, conname, contype, convalidated
FROM pg_constraint AS o JOIN pg_namespace AS n ON n.oid = connamespace
WHERE nspname !~ '^(pg_|information_schema$)' AND contype IN ('c', 'f', 'p', 'u', 'x')
ORDER BY conrelid::regclass::text COLLATE "C", conname COLLATE "C";

SELECT 'index', indexrelid::regclass, indrelid::regclass, indisunique, indisvalid, indisreplident
FROM pg_index AS i JOIN pg_class AS c ON c.oid = indrelid JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname !~ '^(pg_|information_schema$)' ORDER BY indexrelid::regclass::text COLLATE "C";

SELECT 'trigger', tgrelid::regclass, tgname, tgenabled, tgfoid::regprocedure FROM pg_trigger WHERE NOT tgisinternal
ORDER BY tgrelid::regclass::text COLLATE "C", tgname COLLATE "C";

SELECT 'function', p.oid::regprocedure, prosecdef, provolatile, proleakproof, proconfig, md5(prosrc)
FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
WHERE nspname !~ '^(pg_|information_schema$)' ORDER BY p.oid::regprocedure::text COLLATE "C";

SELECT format('SELECT ''sequence'', %L, last_value, is_called FROM %s', c.oid::regclass, c.oid::regclass)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname !~ '^(pg_|information_schema$)' AND relkind = 'S' ORDER BY c.oid::regclass::text COLLATE "C"
\gexec

-- The digest of a table is the sum of two halves of the SHA-256 of each row, so it needs no order and no memory.
SELECT format(
    $$SELECT 'rows', %1$L, count(*), coalesce(sum(('x' || left(h, 16))::bit(64)::bigint::numeric), 0),
             coalesce(sum(('x' || substr(h, 17, 16))::bit(64)::bigint::numeric), 0)
      FROM (SELECT encode(sha256(convert_to(one::text, 'UTF8')), 'hex') AS h FROM ONLY %2$s AS one) AS row$$,
    c.oid::regclass, c.oid::regclass
)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname !~ '^(pg_|information_schema$)' AND relkind = 'r' ORDER BY c.oid::regclass::text COLLATE "C"
\gexec
