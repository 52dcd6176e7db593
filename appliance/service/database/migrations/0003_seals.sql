-- Contexts in the form of version 2: two seals, of which the database verifies the HMAC, under a key that no service has.
-- A request writes once. Contexts in the form of version 1, whose key services had, count only while that key is here.
CREATE TABLE appliance.admission_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key bytea NOT NULL CHECK (length(key) = 32)
);

-- Requests whose writing was committed. Their contexts hold for a minute; a day is for clocks that are set back.
CREATE TABLE appliance.written (
    request text PRIMARY KEY,
    expires bigint NOT NULL
);
CREATE INDEX ON appliance.written (expires);

-- Whose reading a transaction was admitted for, beside the labels that it may read.
ALTER TABLE appliance.admitted
    ADD COLUMN level text NOT NULL DEFAULT 'U',
    ADD COLUMN need text[] NOT NULL DEFAULT '{}',
    ADD COLUMN nationalities text[] NOT NULL DEFAULT '{}',
    ADD COLUMN released boolean NOT NULL DEFAULT false;

-- What a context says, if the code at its end verifies under the key for all that is before; null otherwise.
CREATE FUNCTION appliance.sealed(body text, given text, key bytea) RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT SET search_path = pg_catalog AS $$
    -- Both sides are hashed with the key before they are compared, so that the time tells nothing.
    SELECT CASE
        WHEN appliance.hmac(convert_to(given, 'UTF8'), key, 'sha256')
            = appliance.hmac(convert_to(encode(appliance.hmac(convert_to(body, 'UTF8'), key, 'sha256'), 'hex'), 'UTF8'),
                             key, 'sha256')
        THEN convert_from(decode(translate(split_part(body, '.', 2), '-_', '+/'), 'base64'), 'UTF8')::jsonb
    END
$$;

-- What the monitor said, if it did; null otherwise.
CREATE FUNCTION appliance.context(token text) RETURNS jsonb
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog AS $$
    SELECT coalesce(
        (SELECT appliance.sealed(
            substring(token FROM '^(v2\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_-]{86})\.[0-9a-f]{64}$'), right(token, 64), key)
         FROM appliance.admission_key),
        (SELECT appliance.sealed(
            substring(token FROM '^(v1\.[A-Za-z0-9_=-]+)\.[0-9a-f]{64}$'), right(token, 64), key)
         FROM appliance.context_key)
    )
$$;

-- Admit this transaction, until it ends, to what the context allows; to writing only if it is to write.
--
-- A request that may write does so in one transaction: what it commits ends the context for writing. While one such
-- transaction is open, another of the same request waits for it.
--
-- A backend writes its own row and nobody else's, so that two admissions never wait for each other. Rows of backends
-- that have ended go when a new backend is admitted for the first time. An admission waits only where its process number
-- was used before, for one that looked before it began: such waits form no circle.
CREATE FUNCTION appliance.admit(token text, writes boolean) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog SET lock_timeout = '5s' AS $$
DECLARE
    context jsonb := appliance.context(token);
    mine    appliance.admitted;
BEGIN
    IF context IS NULL THEN
        RAISE EXCEPTION 'the context was not made by the monitor' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- A service's role has the name of the service; session_user is who connected, whatever was set since.
    IF context->>'service' IS DISTINCT FROM session_user::text
       OR coalesce((context->>'expires')::bigint, 0) < extract(epoch FROM clock_timestamp()) THEN
        RAISE EXCEPTION 'the context is of another service, or has expired' USING ERRCODE = 'insufficient_privilege';
    END IF;
    PERFORM appliance.label_id(context->>'label');
    mine.backend := pg_backend_pid();
    mine.transaction := pg_current_xact_id();
    mine.subject := context->>'subject';
    mine.action := context->>'action';
    mine.level := context->>'level';
    mine.need := ARRAY(SELECT jsonb_array_elements_text(context->'need'));
    mine.nationalities := ARRAY(SELECT jsonb_array_elements_text(context->'nationalities'));
    mine.released := context->>'originator_decision' IS NOT NULL;
    mine.readable := appliance.readable_labels(mine.level, mine.need, mine.nationalities);
    mine.writable := '{}';
    IF writes AND context->>'method' NOT IN ('GET', 'HEAD') AND context->>'working' = context->>'label' THEN
        mine.writable := appliance.dominated_labels(context->>'label');
        IF token LIKE 'v2.%' THEN
            PERFORM appliance.write_once(context->>'request', (context->>'expires')::bigint);
        END IF;
    END IF;
    mine.groups := ARRAY(SELECT jsonb_array_elements_text(context->'groups'));
    UPDATE appliance.admitted
    SET transaction = mine.transaction, subject = mine.subject, action = mine.action,
        readable = mine.readable, writable = mine.writable, groups = mine.groups,
        level = mine.level, need = mine.need, nationalities = mine.nationalities, released = mine.released
    WHERE backend = mine.backend;
    IF NOT FOUND THEN
        DELETE FROM appliance.admitted WHERE backend IN (
            SELECT backend FROM appliance.admitted
            WHERE backend NOT IN (SELECT pid FROM pg_stat_get_activity(NULL) WHERE pid IS NOT NULL)
            FOR UPDATE SKIP LOCKED
        );
        INSERT INTO appliance.admitted VALUES (mine.*);
    END IF;
END $$;

-- Count a request as written, or refuse it if it was; what is rolled back was not written.
CREATE FUNCTION appliance.write_once(request text, expires bigint) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM appliance.written WHERE written.request IN (
        SELECT old.request FROM appliance.written AS old
        WHERE old.expires < extract(epoch FROM clock_timestamp()) - 86400
        LIMIT 100 FOR UPDATE SKIP LOCKED
    );
    INSERT INTO appliance.written VALUES (write_once.request, write_once.expires) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the request has been written before' USING ERRCODE = 'insufficient_privilege';
    END IF;
END $$;

-- The form that services before this version call.
CREATE OR REPLACE FUNCTION appliance.admit(token text) RETURNS void
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT appliance.admit(token, true)
$$;

REVOKE ALL ON FUNCTION appliance.sealed(text, text, bytea), appliance.context(text), appliance.admit(text, boolean),
    appliance.write_once(text, bigint) FROM PUBLIC;

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION appliance.admit(text, boolean) TO %I', current_database());
END $$;
