-- Contexts in the database: the monitor's HMAC is verified here, because a role may set any of its own settings.
-- What a transaction may read and write is kept where the service's role can neither read nor write it.
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA appliance;

CREATE TABLE appliance.context_key (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    key bytea NOT NULL CHECK (length(key) = 32)
);

CREATE UNLOGGED TABLE appliance.admitted (
    backend     integer PRIMARY KEY,
    transaction xid8 NOT NULL,
    subject     text NOT NULL,
    action      text NOT NULL,
    readable    integer[] NOT NULL,
    writable    integer[] NOT NULL
);

-- Identifiers of the labels that the label with this encoding dominates; an object at it may carry them as portions.
CREATE FUNCTION appliance.dominated_labels(encoding text) RETURNS integer[]
LANGUAGE sql STABLE STRICT SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(lower.id), '{}')
    FROM appliance.labels AS upper, appliance.labels AS lower
    WHERE upper.encoding = dominated_labels.encoding
      AND lower.level <= upper.level
      AND lower.need <@ upper.need
      AND (lower.rel IS NULL OR upper.rel <@ lower.rel)
$$;

-- Verify the monitor's context and admit this transaction, until it ends, to what the context allows.
CREATE FUNCTION appliance.admit(token text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    body    text := substring(token from '^(v1\.[A-Za-z0-9_=-]+)\.[0-9a-f]{64}$');
    given   text := right(token, 64);
    secret  bytea := (SELECT key FROM appliance.context_key);
    context jsonb;
    writes  boolean;
BEGIN
    -- Both sides are hashed with the key before they are compared, so that the time tells nothing.
    IF body IS NULL OR secret IS NULL
       OR appliance.hmac(convert_to(given, 'UTF8'), secret, 'sha256')
          <> appliance.hmac(convert_to(encode(appliance.hmac(convert_to(body, 'UTF8'), secret, 'sha256'), 'hex'), 'UTF8'),
                            secret, 'sha256') THEN
        RAISE EXCEPTION 'the context was not made by the monitor' USING ERRCODE = 'insufficient_privilege';
    END IF;
    context := convert_from(decode(translate(substr(body, 4), '-_', '+/'), 'base64'), 'UTF8')::jsonb;
    IF context->>'service' <> 'labeling' OR (context->>'expires')::bigint < extract(epoch FROM clock_timestamp()) THEN
        RAISE EXCEPTION 'the context is of another service, or has expired' USING ERRCODE = 'insufficient_privilege';
    END IF;
    writes := context->>'method' NOT IN ('GET', 'HEAD') AND context->>'working' = context->>'label';
    PERFORM appliance.label_id(context->>'label');
    DELETE FROM appliance.admitted WHERE ctid IN (
        SELECT ctid FROM appliance.admitted
        WHERE transaction < pg_snapshot_xmin(pg_current_snapshot()) FOR UPDATE SKIP LOCKED
    );
    INSERT INTO appliance.admitted (backend, transaction, subject, action, readable, writable)
    VALUES (
        pg_backend_pid(),
        pg_current_xact_id(),
        context->>'subject',
        context->>'action',
        appliance.readable_labels(
            context->>'level',
            ARRAY(SELECT jsonb_array_elements_text(context->'need')),
            ARRAY(SELECT jsonb_array_elements_text(context->'nationalities'))
        ),
        CASE WHEN writes THEN appliance.dominated_labels(context->>'label') ELSE '{}' END
    )
    ON CONFLICT (backend) DO UPDATE SET
        transaction = excluded.transaction, subject = excluded.subject, action = excluded.action,
        readable = excluded.readable, writable = excluded.writable;
END $$;

-- What this transaction may read, may write, for whom it acts and what the policy calls it; nothing before admit().
CREATE FUNCTION appliance.readable() RETURNS integer[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((
        SELECT readable FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;

CREATE FUNCTION appliance.writable() RETURNS integer[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((
        SELECT writable FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;

CREATE FUNCTION appliance.subject() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT subject FROM appliance.admitted
    WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
$$;

CREATE FUNCTION appliance.action() RETURNS text
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT action FROM appliance.admitted
    WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
$$;

-- The label of a record is fixed when it is made.
CREATE FUNCTION appliance.refuse_relabeling() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF new.label_id IS DISTINCT FROM old.label_id THEN
        RAISE EXCEPTION 'the label of a record never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA appliance FROM PUBLIC;
GRANT USAGE ON SCHEMA appliance TO labeling;
GRANT EXECUTE ON FUNCTION
    appliance.admit(text), appliance.label_id(text), appliance.readable(), appliance.writable(), appliance.subject(),
    appliance.action()
TO labeling;
