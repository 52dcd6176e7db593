--
-- PostgreSQL database dump
--

\restrict eX5s2jdFAys9JdVHHeHox156sfAp8IWsczh1lyveJJPFgtAq4RCEgHZVjbJa40n

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: appliance; Type: SCHEMA; Schema: -; Owner: migrate
--

CREATE SCHEMA appliance;


ALTER SCHEMA appliance OWNER TO migrate;

--
-- Name: labeling; Type: SCHEMA; Schema: -; Owner: migrate
--

CREATE SCHEMA labeling;


ALTER SCHEMA labeling OWNER TO migrate;

--
-- Name: pgcrypto; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA appliance;


--
-- Name: EXTENSION pgcrypto; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION pgcrypto IS 'cryptographic functions';


--
-- Name: action(); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.action() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT action FROM appliance.admitted
    WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
$$;


ALTER FUNCTION appliance.action() OWNER TO migrate;

--
-- Name: admit(text); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.admit(token text) RETURNS void
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    payload text := translate(split_part(token, '.', 2), '-_', '+/');
BEGIN
    PERFORM appliance.admit_labels(token);
    UPDATE appliance.admitted
    SET groups = ARRAY(
        SELECT jsonb_array_elements_text(convert_from(decode(payload, 'base64'), 'UTF8')::jsonb->'groups')
    )
    WHERE backend = pg_backend_pid();
END $$;


ALTER FUNCTION appliance.admit(token text) OWNER TO migrate;

--
-- Name: admit_labels(text); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.admit_labels(token text) RETURNS void
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
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
END $_$;


ALTER FUNCTION appliance.admit_labels(token text) OWNER TO migrate;

--
-- Name: dominated_labels(text); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.dominated_labels(encoding text) RETURNS integer[]
    LANGUAGE sql STABLE STRICT
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT coalesce(array_agg(lower.id), '{}')
    FROM appliance.labels AS upper, appliance.labels AS lower
    WHERE upper.encoding = dominated_labels.encoding
      AND lower.level <= upper.level
      AND lower.need <@ upper.need
      AND (lower.rel IS NULL OR upper.rel <@ lower.rel)
$$;


ALTER FUNCTION appliance.dominated_labels(encoding text) OWNER TO migrate;

--
-- Name: groups(); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.groups() RETURNS text[]
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT coalesce((
        SELECT groups FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;


ALTER FUNCTION appliance.groups() OWNER TO migrate;

--
-- Name: label_id(text); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.label_id(encoding text) RETURNS integer
    LANGUAGE plpgsql STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $_$
DECLARE
    found integer;
    parts text[] := string_to_array(label_id.encoding, ';');
BEGIN
    SELECT labels.id INTO found FROM appliance.labels WHERE labels.encoding = label_id.encoding;
    IF found IS NOT NULL THEN
        RETURN found;
    END IF;
    IF label_id.encoding !~ '^(U|CUI|C|S|TS);([A-Z0-9_ -]+(,[A-Z0-9_ -]+)*)?;(\*|([A-Z]{3}(,[A-Z]{3})*)?)$' THEN
        RAISE EXCEPTION '% is no encoded label', quote_literal(label_id.encoding) USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO appliance.labels (encoding, level, need, rel)
    VALUES (
        label_id.encoding,
        appliance.level_rank(parts[1]),
        string_to_array(parts[2], ','),
        CASE parts[3] WHEN '*' THEN NULL ELSE string_to_array(parts[3], ',') END
    )
    ON CONFLICT ON CONSTRAINT labels_encoding_key DO NOTHING;
    SELECT labels.id INTO STRICT found FROM appliance.labels WHERE labels.encoding = label_id.encoding;
    RETURN found;
END $_$;


ALTER FUNCTION appliance.label_id(encoding text) OWNER TO migrate;

--
-- Name: level_rank(text); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.level_rank(level text) RETURNS smallint
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    SET search_path TO 'pg_catalog'
    AS $$
DECLARE
    rank smallint := array_position(ARRAY['U', 'CUI', 'C', 'S', 'TS'], level) - 1;
BEGIN
    IF rank IS NULL THEN
        RAISE EXCEPTION 'level % is none of U, CUI, C, S, TS', quote_literal(level) USING ERRCODE = 'check_violation';
    END IF;
    RETURN rank;
END $$;


ALTER FUNCTION appliance.level_rank(level text) OWNER TO migrate;

--
-- Name: readable(); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.readable() RETURNS integer[]
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT coalesce((
        SELECT readable FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;


ALTER FUNCTION appliance.readable() OWNER TO migrate;

--
-- Name: readable_labels(text, text[], text[]); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.readable_labels(level text, need text[], nationalities text[]) RETURNS integer[]
    LANGUAGE sql STABLE STRICT SECURITY DEFINER
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT coalesce(array_agg(labels.id ORDER BY labels.id), '{}')
    FROM appliance.labels
    WHERE labels.level <= appliance.level_rank(readable_labels.level)
      AND labels.need <@ readable_labels.need
      AND (labels.rel IS NULL
           OR (cardinality(readable_labels.nationalities) > 0 AND readable_labels.nationalities <@ labels.rel))
$$;


ALTER FUNCTION appliance.readable_labels(level text, need text[], nationalities text[]) OWNER TO migrate;

--
-- Name: refuse_relabeling(); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.refuse_relabeling() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog'
    AS $$
BEGIN
    IF new.label_id IS DISTINCT FROM old.label_id THEN
        RAISE EXCEPTION 'the label of a record never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;


ALTER FUNCTION appliance.refuse_relabeling() OWNER TO migrate;

--
-- Name: subject(); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.subject() RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT subject FROM appliance.admitted
    WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
$$;


ALTER FUNCTION appliance.subject() OWNER TO migrate;

--
-- Name: writable(); Type: FUNCTION; Schema: appliance; Owner: migrate
--

CREATE FUNCTION appliance.writable() RETURNS integer[]
    LANGUAGE sql STABLE SECURITY DEFINER PARALLEL RESTRICTED
    SET search_path TO 'pg_catalog'
    AS $$
    SELECT coalesce((
        SELECT writable FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;


ALTER FUNCTION appliance.writable() OWNER TO migrate;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: admitted; Type: TABLE; Schema: appliance; Owner: migrate
--

CREATE UNLOGGED TABLE appliance.admitted (
    backend integer NOT NULL,
    transaction xid8 NOT NULL,
    subject text NOT NULL,
    action text NOT NULL,
    readable integer[] NOT NULL,
    writable integer[] NOT NULL,
    groups text[] DEFAULT '{}'::text[] NOT NULL
);


ALTER TABLE appliance.admitted OWNER TO migrate;

--
-- Name: context_key; Type: TABLE; Schema: appliance; Owner: migrate
--

CREATE TABLE appliance.context_key (
    one boolean DEFAULT true NOT NULL,
    key bytea NOT NULL,
    CONSTRAINT context_key_key_check CHECK ((length(key) = 32)),
    CONSTRAINT context_key_one_check CHECK (one)
);


ALTER TABLE appliance.context_key OWNER TO migrate;

--
-- Name: labels; Type: TABLE; Schema: appliance; Owner: migrate
--

CREATE TABLE appliance.labels (
    id integer NOT NULL,
    encoding text NOT NULL,
    level smallint NOT NULL,
    need text[] NOT NULL,
    rel text[]
);


ALTER TABLE appliance.labels OWNER TO migrate;

--
-- Name: labels_id_seq; Type: SEQUENCE; Schema: appliance; Owner: migrate
--

ALTER TABLE appliance.labels ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME appliance.labels_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: migrations; Type: TABLE; Schema: appliance; Owner: migrate
--

CREATE TABLE appliance.migrations (
    name text NOT NULL,
    sha256 text NOT NULL,
    applied timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE appliance.migrations OWNER TO migrate;

--
-- Name: preferences; Type: TABLE; Schema: labeling; Owner: migrate
--

CREATE TABLE labeling.preferences (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    task_id uuid NOT NULL,
    label_id integer NOT NULL,
    annotator text DEFAULT appliance.subject() NOT NULL,
    choice text NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT preferences_choice_check CHECK ((choice = ANY (ARRAY['a'::text, 'b'::text, 'tie'::text])))
);

ALTER TABLE ONLY labeling.preferences FORCE ROW LEVEL SECURITY;


ALTER TABLE labeling.preferences OWNER TO migrate;

--
-- Name: projects; Type: TABLE; Schema: labeling; Owner: migrate
--

CREATE TABLE labeling.projects (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    label_id integer NOT NULL,
    portion text NOT NULL,
    name text NOT NULL,
    instruction text NOT NULL,
    created_by text DEFAULT appliance.subject() NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL,
    need_to_know text,
    CONSTRAINT projects_instruction_check CHECK ((length(instruction) <= 10000)),
    CONSTRAINT projects_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT projects_need_to_know_check CHECK ((need_to_know ~ '^[a-z][a-z0-9-]{0,30}$'::text))
);

ALTER TABLE ONLY labeling.projects FORCE ROW LEVEL SECURITY;


ALTER TABLE labeling.projects OWNER TO migrate;

--
-- Name: tasks; Type: TABLE; Schema: labeling; Owner: migrate
--

CREATE TABLE labeling.tasks (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    number bigint NOT NULL,
    project_id uuid NOT NULL,
    label_id integer NOT NULL,
    portion text NOT NULL,
    prompt text NOT NULL,
    answer_a text NOT NULL,
    answer_b text NOT NULL,
    source jsonb DEFAULT '{}'::jsonb NOT NULL,
    created timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE ONLY labeling.tasks FORCE ROW LEVEL SECURITY;


ALTER TABLE labeling.tasks OWNER TO migrate;

--
-- Name: tasks_number_seq; Type: SEQUENCE; Schema: labeling; Owner: migrate
--

ALTER TABLE labeling.tasks ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME labeling.tasks_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Data for Name: admitted; Type: TABLE DATA; Schema: appliance; Owner: migrate
--

COPY appliance.admitted (backend, transaction, subject, action, readable, writable, groups) FROM stdin;
29374	752	annotator	write	{1}	{1}	{}
\.


--
-- Data for Name: context_key; Type: TABLE DATA; Schema: appliance; Owner: migrate
--

COPY appliance.context_key (one, key) FROM stdin;
t	\\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
\.


--
-- Data for Name: labels; Type: TABLE DATA; Schema: appliance; Owner: migrate
--

COPY appliance.labels (id, encoding, level, need, rel) FROM stdin;
1	S;;GBR,USA	3	{}	{GBR,USA}
\.


--
-- Data for Name: migrations; Type: TABLE DATA; Schema: appliance; Owner: migrate
--

COPY appliance.migrations (name, sha256, applied) FROM stdin;
0001_context.sql	630616a06d0bf7e351b014c56b9d99350fc73e86880fa620d74f68663f563ede	2026-11-28 04:27:35.817514+00
0002_labeling.sql	17f12c3df5247a4253149ce8eb370f57d1d6a1729a7dc7350a1de884f435459d	2026-11-28 04:27:35.817514+00
0003_need_to_know.sql	a3ce1fc0db4647efd542a5f31aa8b64760e542024780128e980b6e589f19effa	2026-11-28 04:27:35.817514+00
\.


--
-- Data for Name: preferences; Type: TABLE DATA; Schema: labeling; Owner: migrate
--

COPY labeling.preferences (id, task_id, label_id, annotator, choice, created) FROM stdin;
338304cf-006e-4591-bf7e-1e434f03f1f9	7206538e-254e-4923-b147-107f98519b88	1	analyst	a	2026-11-28 04:27:36.860209+00
ab6d2e57-461e-4502-90ab-99dd67647c71	3f5d4330-82b3-4d14-9cfb-5b609844681a	1	analyst	b	2026-11-28 04:27:36.906419+00
52877977-5a44-4afa-b85d-234abfef79a4	3f5d4330-82b3-4d14-9cfb-5b609844681a	1	annotator	b	2026-11-28 04:27:36.951594+00
cd0338b9-0f9f-46c7-a244-102629af87d7	b11388fc-456a-4b91-a7e5-bc148db4efdd	1	analyst	a	2026-11-28 04:27:37.016345+00
b083bc67-cd7e-45cd-bf75-c450717ea010	8a95a0b9-ae28-4be8-b1e6-eef02c7649be	1	analyst	b	2026-11-28 04:27:37.11311+00
90cdaf6b-74ec-48b5-bc28-2ff45a25f404	8a95a0b9-ae28-4be8-b1e6-eef02c7649be	1	annotator	b	2026-11-28 04:27:37.215236+00
c0bc704b-2229-42ba-b8ea-f1654208be1a	a390992f-e67a-4a45-864e-3960690ceefd	1	analyst	a	2026-11-28 04:27:37.313916+00
fb9eb430-2e49-4758-8e53-adf426aca14a	7c103eb9-a164-44f8-832a-8c397258c5a7	1	analyst	b	2026-11-28 04:27:37.367982+00
ea8d541d-8760-49fd-8e2b-ac10b8d07724	7c103eb9-a164-44f8-832a-8c397258c5a7	1	annotator	b	2026-11-28 04:27:37.418745+00
de35f409-521b-41a1-8668-3eaf80e08516	b4c3fe96-90d5-4781-9d8a-02195d601599	1	analyst	a	2026-11-28 04:27:37.459578+00
ae00b312-64e3-4d20-8e52-52ef02df5d33	08bf240e-f92a-4fb2-b481-8a6b04897285	1	analyst	b	2026-11-28 04:27:37.496907+00
0dce63cd-e80a-48d1-9cd6-3089766bb012	08bf240e-f92a-4fb2-b481-8a6b04897285	1	annotator	b	2026-11-28 04:27:37.549303+00
c98e6055-3f18-4df4-be65-888f780680f6	7641b588-6098-431f-9a89-929da5f4a5a5	1	analyst	a	2026-11-28 04:27:37.613508+00
563b66a9-608a-47df-9d07-4041410ed35a	a9babfa0-a921-4c06-979c-1abc4458fbb7	1	analyst	b	2026-11-28 04:27:37.679945+00
5daab8bc-ca7f-4567-96d9-499c0c8f2805	a9babfa0-a921-4c06-979c-1abc4458fbb7	1	annotator	b	2026-11-28 04:27:37.759739+00
41a23a43-65c8-4358-8ed5-df6c2e11054a	a6d7e564-0645-49a0-a706-bc681166d9f5	1	analyst	a	2026-11-28 04:27:37.822421+00
ba18b5cb-e431-47eb-9e87-8e3d9e4191c4	35d16518-9fa3-4d53-925f-331ff9c21765	1	analyst	b	2026-11-28 04:27:37.866644+00
2a97c33b-b031-4ea6-8480-b5ef429d61a7	35d16518-9fa3-4d53-925f-331ff9c21765	1	annotator	b	2026-11-28 04:27:37.915437+00
\.


--
-- Data for Name: projects; Type: TABLE DATA; Schema: labeling; Owner: migrate
--

COPY labeling.projects (id, label_id, portion, name, instruction, created_by, created, need_to_know) FROM stdin;
2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	harbour		analyst	2026-11-28 04:27:36.646221+00	\N
\.


--
-- Data for Name: tasks; Type: TABLE DATA; Schema: labeling; Owner: migrate
--

COPY labeling.tasks (id, number, project_id, label_id, portion, prompt, answer_a, answer_b, source, created) FROM stdin;
7206538e-254e-4923-b147-107f98519b88	1	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 0	yes	no	{}	2026-11-28 04:27:36.72122+00
3f5d4330-82b3-4d14-9cfb-5b609844681a	2	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 1	yes	no	{}	2026-11-28 04:27:36.72122+00
b11388fc-456a-4b91-a7e5-bc148db4efdd	3	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 2	yes	no	{}	2026-11-28 04:27:36.72122+00
8a95a0b9-ae28-4be8-b1e6-eef02c7649be	4	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 3	yes	no	{}	2026-11-28 04:27:36.72122+00
a390992f-e67a-4a45-864e-3960690ceefd	5	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 4	yes	no	{}	2026-11-28 04:27:36.72122+00
7c103eb9-a164-44f8-832a-8c397258c5a7	6	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 5	yes	no	{}	2026-11-28 04:27:36.72122+00
b4c3fe96-90d5-4781-9d8a-02195d601599	7	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 6	yes	no	{}	2026-11-28 04:27:36.72122+00
08bf240e-f92a-4fb2-b481-8a6b04897285	8	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 7	yes	no	{}	2026-11-28 04:27:36.72122+00
7641b588-6098-431f-9a89-929da5f4a5a5	9	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 8	yes	no	{}	2026-11-28 04:27:36.72122+00
a9babfa0-a921-4c06-979c-1abc4458fbb7	10	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 9	yes	no	{}	2026-11-28 04:27:36.72122+00
a6d7e564-0645-49a0-a706-bc681166d9f5	11	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 10	yes	no	{}	2026-11-28 04:27:36.72122+00
35d16518-9fa3-4d53-925f-331ff9c21765	12	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 11	yes	no	{}	2026-11-28 04:27:36.72122+00
7b58d52b-d05e-4811-813f-4204b61dd156	13	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 12	yes	no	{}	2026-11-28 04:27:36.72122+00
517685e9-a6d4-4984-be1e-4aaef3bfd687	14	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 13	yes	no	{}	2026-11-28 04:27:36.72122+00
c54ea2c0-d4cb-4004-8c10-6321f2b96f5c	15	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 14	yes	no	{}	2026-11-28 04:27:36.72122+00
ddb1197e-3929-4d01-8e08-fd9de879b3b2	16	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 15	yes	no	{}	2026-11-28 04:27:36.72122+00
981d5cc7-bc77-4b7c-a291-c892415e0e89	17	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 16	yes	no	{}	2026-11-28 04:27:36.72122+00
480ab9e1-889b-4e21-bd72-872f7a5c4301	18	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 17	yes	no	{}	2026-11-28 04:27:36.72122+00
3bf8d04f-4529-4bf7-bc06-d1e86503a2ad	19	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 18	yes	no	{}	2026-11-28 04:27:36.72122+00
6f1b48a4-4f34-4cd3-bea6-82064bebdd7f	20	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 19	yes	no	{}	2026-11-28 04:27:36.72122+00
38ad3b3a-4ce3-4c65-b401-bb9f9043505c	21	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 20	yes	no	{}	2026-11-28 04:27:36.72122+00
e910eca3-7344-44c0-a2b0-54445e75dc48	22	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 21	yes	no	{}	2026-11-28 04:27:36.72122+00
1c7ae1b1-4ef8-400f-8e1c-394db782e21b	23	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 22	yes	no	{}	2026-11-28 04:27:36.72122+00
cb77d128-515c-48f1-8bad-22c3e8496604	24	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 23	yes	no	{}	2026-11-28 04:27:36.72122+00
af2ea3fd-0830-4ee8-b490-f49951d79390	25	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 24	yes	no	{}	2026-11-28 04:27:36.72122+00
1279f9c5-837c-4260-b830-6300af4b000d	26	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 25	yes	no	{}	2026-11-28 04:27:36.72122+00
52abe64d-50ba-4b00-8d0a-953c3e38a81b	27	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 26	yes	no	{}	2026-11-28 04:27:36.72122+00
3582bdd8-d4b4-4641-bc64-57930882ba2d	28	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 27	yes	no	{}	2026-11-28 04:27:36.72122+00
377b43ae-4f96-4f4f-ab50-954da6f19202	29	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 28	yes	no	{}	2026-11-28 04:27:36.72122+00
bd2f6f90-83da-4b35-8398-de018375baab	30	2f4e9d5d-d024-4cb5-9ec6-56f8db899c50	1	S//REL TO USA, GBR	which 29	yes	no	{}	2026-11-28 04:27:36.72122+00
\.


--
-- Name: labels_id_seq; Type: SEQUENCE SET; Schema: appliance; Owner: migrate
--

SELECT pg_catalog.setval('appliance.labels_id_seq', 1, true);


--
-- Name: tasks_number_seq; Type: SEQUENCE SET; Schema: labeling; Owner: migrate
--

SELECT pg_catalog.setval('labeling.tasks_number_seq', 30, true);


--
-- Name: admitted admitted_pkey; Type: CONSTRAINT; Schema: appliance; Owner: migrate
--

ALTER TABLE ONLY appliance.admitted
    ADD CONSTRAINT admitted_pkey PRIMARY KEY (backend);


--
-- Name: context_key context_key_pkey; Type: CONSTRAINT; Schema: appliance; Owner: migrate
--

ALTER TABLE ONLY appliance.context_key
    ADD CONSTRAINT context_key_pkey PRIMARY KEY (one);


--
-- Name: labels labels_encoding_key; Type: CONSTRAINT; Schema: appliance; Owner: migrate
--

ALTER TABLE ONLY appliance.labels
    ADD CONSTRAINT labels_encoding_key UNIQUE (encoding);


--
-- Name: labels labels_pkey; Type: CONSTRAINT; Schema: appliance; Owner: migrate
--

ALTER TABLE ONLY appliance.labels
    ADD CONSTRAINT labels_pkey PRIMARY KEY (id);


--
-- Name: migrations migrations_pkey; Type: CONSTRAINT; Schema: appliance; Owner: migrate
--

ALTER TABLE ONLY appliance.migrations
    ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);


--
-- Name: preferences preferences_pkey; Type: CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.preferences
    ADD CONSTRAINT preferences_pkey PRIMARY KEY (id);


--
-- Name: preferences preferences_task_id_annotator_key; Type: CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.preferences
    ADD CONSTRAINT preferences_task_id_annotator_key UNIQUE (task_id, annotator);


--
-- Name: projects projects_pkey; Type: CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);


--
-- Name: tasks tasks_id_label_id_key; Type: CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.tasks
    ADD CONSTRAINT tasks_id_label_id_key UNIQUE (id, label_id);


--
-- Name: tasks tasks_pkey; Type: CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);


--
-- Name: tasks_project_id_number_idx; Type: INDEX; Schema: labeling; Owner: migrate
--

CREATE INDEX tasks_project_id_number_idx ON labeling.tasks USING btree (project_id, number);


--
-- Name: preferences fixed_label; Type: TRIGGER; Schema: labeling; Owner: migrate
--

CREATE TRIGGER fixed_label BEFORE UPDATE ON labeling.preferences FOR EACH ROW EXECUTE FUNCTION appliance.refuse_relabeling();


--
-- Name: projects fixed_label; Type: TRIGGER; Schema: labeling; Owner: migrate
--

CREATE TRIGGER fixed_label BEFORE UPDATE ON labeling.projects FOR EACH ROW EXECUTE FUNCTION appliance.refuse_relabeling();


--
-- Name: tasks fixed_label; Type: TRIGGER; Schema: labeling; Owner: migrate
--

CREATE TRIGGER fixed_label BEFORE UPDATE ON labeling.tasks FOR EACH ROW EXECUTE FUNCTION appliance.refuse_relabeling();


--
-- Name: preferences preferences_task_id_label_id_fkey; Type: FK CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.preferences
    ADD CONSTRAINT preferences_task_id_label_id_fkey FOREIGN KEY (task_id, label_id) REFERENCES labeling.tasks(id, label_id);


--
-- Name: projects projects_label_id_fkey; Type: FK CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.projects
    ADD CONSTRAINT projects_label_id_fkey FOREIGN KEY (label_id) REFERENCES appliance.labels(id);


--
-- Name: tasks tasks_label_id_fkey; Type: FK CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.tasks
    ADD CONSTRAINT tasks_label_id_fkey FOREIGN KEY (label_id) REFERENCES appliance.labels(id);


--
-- Name: tasks tasks_project_id_fkey; Type: FK CONSTRAINT; Schema: labeling; Owner: migrate
--

ALTER TABLE ONLY labeling.tasks
    ADD CONSTRAINT tasks_project_id_fkey FOREIGN KEY (project_id) REFERENCES labeling.projects(id);


--
-- Name: preferences need_to_know; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY need_to_know ON labeling.preferences AS RESTRICTIVE USING ((task_id IN ( SELECT tasks.id
   FROM labeling.tasks)));


--
-- Name: projects need_to_know; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY need_to_know ON labeling.projects AS RESTRICTIVE USING (((need_to_know IS NULL) OR (need_to_know = ANY (( SELECT appliance.groups() AS groups)::text[]))));


--
-- Name: tasks need_to_know; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY need_to_know ON labeling.tasks AS RESTRICTIVE USING ((project_id IN ( SELECT projects.id
   FROM labeling.projects)));


--
-- Name: preferences; Type: ROW SECURITY; Schema: labeling; Owner: migrate
--

ALTER TABLE labeling.preferences ENABLE ROW LEVEL SECURITY;

--
-- Name: projects; Type: ROW SECURITY; Schema: labeling; Owner: migrate
--

ALTER TABLE labeling.projects ENABLE ROW LEVEL SECURITY;

--
-- Name: preferences readable; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY readable ON labeling.preferences FOR SELECT USING (((label_id = ANY (( SELECT appliance.readable() AS readable)::integer[])) AND ((annotator = ( SELECT appliance.subject() AS subject)) OR (( SELECT appliance.action() AS action) = 'export'::text))));


--
-- Name: projects readable; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY readable ON labeling.projects FOR SELECT USING ((label_id = ANY (( SELECT appliance.readable() AS readable)::integer[])));


--
-- Name: tasks readable; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY readable ON labeling.tasks FOR SELECT USING ((label_id = ANY (( SELECT appliance.readable() AS readable)::integer[])));


--
-- Name: tasks; Type: ROW SECURITY; Schema: labeling; Owner: migrate
--

ALTER TABLE labeling.tasks ENABLE ROW LEVEL SECURITY;

--
-- Name: preferences writable; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY writable ON labeling.preferences FOR INSERT WITH CHECK (((label_id = ANY (( SELECT appliance.writable() AS writable)::integer[])) AND (annotator = ( SELECT appliance.subject() AS subject)) AND (EXISTS ( SELECT
   FROM labeling.tasks
  WHERE (tasks.id = preferences.task_id)))));


--
-- Name: projects writable; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY writable ON labeling.projects FOR INSERT WITH CHECK (((label_id = ANY (( SELECT appliance.writable() AS writable)::integer[])) AND (created_by = ( SELECT appliance.subject() AS subject))));


--
-- Name: tasks writable; Type: POLICY; Schema: labeling; Owner: migrate
--

CREATE POLICY writable ON labeling.tasks FOR INSERT WITH CHECK (((label_id = ANY (( SELECT appliance.writable() AS writable)::integer[])) AND (EXISTS ( SELECT
   FROM labeling.projects
  WHERE (projects.id = tasks.project_id)))));


--
-- Name: SCHEMA appliance; Type: ACL; Schema: -; Owner: migrate
--

GRANT USAGE ON SCHEMA appliance TO labeling;


--
-- Name: SCHEMA labeling; Type: ACL; Schema: -; Owner: migrate
--

GRANT USAGE ON SCHEMA labeling TO labeling;


--
-- Name: FUNCTION action(); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.action() FROM PUBLIC;
GRANT ALL ON FUNCTION appliance.action() TO labeling;


--
-- Name: FUNCTION admit(token text); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.admit(token text) FROM PUBLIC;
GRANT ALL ON FUNCTION appliance.admit(token text) TO labeling;


--
-- Name: FUNCTION admit_labels(token text); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.admit_labels(token text) FROM PUBLIC;


--
-- Name: FUNCTION dominated_labels(encoding text); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.dominated_labels(encoding text) FROM PUBLIC;


--
-- Name: FUNCTION groups(); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.groups() FROM PUBLIC;
GRANT ALL ON FUNCTION appliance.groups() TO labeling;


--
-- Name: FUNCTION label_id(encoding text); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.label_id(encoding text) FROM PUBLIC;
GRANT ALL ON FUNCTION appliance.label_id(encoding text) TO labeling;


--
-- Name: FUNCTION level_rank(level text); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.level_rank(level text) FROM PUBLIC;


--
-- Name: FUNCTION readable(); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.readable() FROM PUBLIC;
GRANT ALL ON FUNCTION appliance.readable() TO labeling;


--
-- Name: FUNCTION readable_labels(level text, need text[], nationalities text[]); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.readable_labels(level text, need text[], nationalities text[]) FROM PUBLIC;


--
-- Name: FUNCTION refuse_relabeling(); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.refuse_relabeling() FROM PUBLIC;


--
-- Name: FUNCTION subject(); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.subject() FROM PUBLIC;
GRANT ALL ON FUNCTION appliance.subject() TO labeling;


--
-- Name: FUNCTION writable(); Type: ACL; Schema: appliance; Owner: migrate
--

REVOKE ALL ON FUNCTION appliance.writable() FROM PUBLIC;
GRANT ALL ON FUNCTION appliance.writable() TO labeling;


--
-- Name: TABLE preferences; Type: ACL; Schema: labeling; Owner: migrate
--

GRANT SELECT,INSERT ON TABLE labeling.preferences TO labeling;


--
-- Name: TABLE projects; Type: ACL; Schema: labeling; Owner: migrate
--

GRANT SELECT,INSERT ON TABLE labeling.projects TO labeling;


--
-- Name: TABLE tasks; Type: ACL; Schema: labeling; Owner: migrate
--

GRANT SELECT,INSERT ON TABLE labeling.tasks TO labeling;


--
-- PostgreSQL database dump complete
--

\unrestrict eX5s2jdFAys9JdVHHeHox156sfAp8IWsczh1lyveJJPFgtAq4RCEgHZVjbJa40n

