-- The statements that are missing for the listed services: for each a role, a database, and CONNECT for that role alone.
SELECT statement
FROM (
    SELECT split_part(line, ' ', 1) AS name, split_part(line, ' ', 2)::integer AS connections
    FROM regexp_split_to_table(pg_read_file(current_setting('appliance.services')), '\n') AS line
    WHERE line <> ''
) AS service
LEFT JOIN pg_roles AS role ON role.rolname = service.name
LEFT JOIN pg_database AS database ON database.datname = service.name,
LATERAL (
    SELECT 1 AS step, format(
        'CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT CONNECTION LIMIT %s',
        name, connections
    ) AS statement
    WHERE role.oid IS NULL
    UNION ALL
    SELECT 2, format('ALTER ROLE %I CONNECTION LIMIT %s', name, connections) WHERE role.rolconnlimit <> connections
    UNION ALL
    SELECT 3, format('CREATE DATABASE %I OWNER migrate', name) WHERE database.oid IS NULL
    UNION ALL
    SELECT 4, format('REVOKE ALL ON DATABASE %I FROM PUBLIC', name)
    WHERE database.oid IS NULL
       OR EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0)
    UNION ALL
    SELECT 5, format('GRANT CONNECT ON DATABASE %I TO %I', name, name)
    WHERE database.oid IS NULL OR role.oid IS NULL
       OR NOT EXISTS (SELECT FROM aclexplode(datacl) WHERE grantee = role.oid AND privilege_type = 'CONNECT')
) AS missing
ORDER BY name, step;

