-- While the key of contexts is replaced, those that were sealed just before count too: until a moment that is written here.
ALTER TABLE appliance.admission_key
    ADD COLUMN previous bytea CHECK (length(previous) = 32),
    ADD COLUMN until timestamptz;

CREATE OR REPLACE FUNCTION appliance.context(token text) RETURNS jsonb
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog AS $$
    SELECT coalesce(
        (SELECT appliance.sealed(
            substring(token FROM '^(v2\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_-]{86})\.[0-9a-f]{64}$'), right(token, 64), key)
         FROM appliance.admission_key),
        (SELECT appliance.sealed(
            substring(token FROM '^(v2\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_-]{86})\.[0-9a-f]{64}$'), right(token, 64), previous)
         FROM appliance.admission_key WHERE until > clock_timestamp()),
        (SELECT appliance.sealed(
            substring(token FROM '^(v1\.[A-Za-z0-9_=-]+)\.[0-9a-f]{64}$'), right(token, 64), key)
         FROM appliance.context_key)
    )
$$;
