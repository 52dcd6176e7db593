-- Contexts in the database: the monitor's HMAC is verified here, because a role may set any of its own settings.
-- What a transaction may read and write is kept where the service's role can neither read nor write it.
-- A database of version 0.1.0 has most of this: the same statements bring it to the state of a fresh one.
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA appliance;

CREATE TABLE IF NOT EXISTS appliance.context_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key bytea NOT NULL CHECK (length(key) = 32)
);

CREATE UNLOGGED TABLE IF NOT EXISTS appliance.admitted (
    backend     integer PRIMARY KEY,
    transaction xid8 NOT NULL,
    subject     text NOT NULL,
    action      text NOT NULL,
    readable    integer[] NOT NULL,
    writable    integer[] NOT NULL
);
ALTER TABLE appliance.admitted ADD COLUMN IF NOT EXISTS groups text[] NOT NULL DEFAULT '{}';

-- Identifiers of the labels that the label with this encoding dominates; an object at it may carry them as portions.
CREATE OR REPLACE FUNCTION appliance.dominated_labels(encoding text) RETURNS integer[]
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(lower.id), '{}')
    FROM appliance.labels AS upper, appliance.labels AS lower
    WHERE upper.encoding = dominated_labels.encoding
      AND lower.level <= upper.level
      AND lower.need <@ upper.need
      AND (lower.rel IS NULL OR upper.rel <@ lower.rel)
$$;

-- Verify the monitor's context and admit this transaction, until it ends, to what the context allows.
--
-- A backend writes its own row and nobody else's, so that two admissions never wait for each other. Rows of backends
-- that have ended go when a new backend is admitted for the first time. An admission waits only where its process number
-- was used before, for one that looked before it began: such waits form no circle.
CREATE OR REPLACE FUNCTION appliance.admit(token text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    body    text := substring(token from '^(v1\.[A-Za-z0-9_=-]+)\.[0-9a-f]{64}$');
    given   text := right(token, 64);
    secret  bytea := (SELECT key FROM appliance.context_key);
    context jsonb;
    mine    appliance.admitted;
BEGIN
    -- Both sides are hashed with the key before they are compared, so that the time tells nothing.
    IF body IS NULL OR secret IS NULL
       OR appliance.hmac(convert_to(given, 'UTF8'), secret, 'sha256')
          <> appliance.hmac(convert_to(encode(appliance.hmac(convert_to(body, 'UTF8'), secret, 'sha256'), 'hex'), 'UTF8'),
                            secret, 'sha256') THEN
        RAISE EXCEPTION 'the context was not made by the monitor' USING ERRCODE = 'insufficient_privilege';
    END IF;
    context := convert_from(decode(translate(substr(body, 4), '-_', '+/'), 'base64'), 'UTF8')::jsonb;
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
    mine.readable := appliance.readable_labels(
        context->>'level',
        ARRAY(SELECT jsonb_array_elements_text(context->'need')),
        ARRAY(SELECT jsonb_array_elements_text(context->'nationalities'))
    );
    mine.writable := '{}';
    IF context->>'method' NOT IN ('GET', 'HEAD') AND context->>'working' = context->>'label' THEN
        mine.writable := appliance.dominated_labels(context->>'label');
    END IF;
    mine.groups := ARRAY(SELECT jsonb_array_elements_text(context->'groups'));
    UPDATE appliance.admitted
    SET transaction = mine.transaction, subject = mine.subject, action = mine.action,
        readable = mine.readable, writable = mine.writable, groups = mine.groups
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
DROP FUNCTION IF EXISTS appliance.admit_labels(text);

-- What this transaction may read, may write, for whom it acts and what the policy calls it; nothing before admit().
CREATE OR REPLACE FUNCTION appliance.readable() RETURNS integer[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((
        SELECT readable FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;

CREATE OR REPLACE FUNCTION appliance.writable() RETURNS integer[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((
        SELECT writable FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;

CREATE OR REPLACE FUNCTION appliance.subject() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT subject FROM appliance.admitted
    WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
$$;

CREATE OR REPLACE FUNCTION appliance.action() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT action FROM appliance.admitted
    WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
$$;

-- The need-to-know groups of the subject for whom this transaction acts; none before admit().
CREATE OR REPLACE FUNCTION appliance.groups() RETURNS text[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((
        SELECT groups FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;

-- The label of a record is fixed when it is made.
CREATE OR REPLACE FUNCTION appliance.refuse_relabeling() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF new.label_id IS DISTINCT FROM old.label_id THEN
        RAISE EXCEPTION 'the label of a record never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA appliance FROM PUBLIC;

-- A database has the name of its service, and so has the one role that uses it.
DO $$
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA appliance TO %I', current_database());
    EXECUTE format(
        'GRANT EXECUTE ON FUNCTION appliance.admit(text), appliance.label_id(text), appliance.readable(), '
        'appliance.writable(), appliance.subject(), appliance.action(), appliance.groups() TO %I', current_database()
    );
END $$;
