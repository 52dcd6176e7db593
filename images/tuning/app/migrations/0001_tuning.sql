-- Versions that were read, runs, adapters and what descends from what. Every row has the restriction of all that went
-- into it, and every key begins with it (docs/adr/0150): what is hidden is never passed over.
CREATE SCHEMA tuning;
GRANT USAGE ON SCHEMA tuning TO tuning;

-- A version of labeled data that was read and proven: what it says of itself, and nothing of its content.
CREATE TABLE tuning.version (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    digest         text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    project        uuid NOT NULL,
    project_name   text NOT NULL CHECK (length(project_name) <= 200),
    name           text NOT NULL CHECK (length(name) <= 200),
    marking        text NOT NULL CHECK (length(marking) <= 500),
    kind           text NOT NULL CHECK (length(kind) <= 40),
    method         text NOT NULL CHECK (method IN ('supervised', 'preference')),
    people         jsonb NOT NULL,
    training       integer[] NOT NULL,
    validation     integer[] NOT NULL,
    taken_by       text NOT NULL DEFAULT appliance.subject(),
    taken          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, digest)
);

-- The records of a version that a run reads.
CREATE TABLE tuning.member (
    restriction_id integer NOT NULL,
    version        text NOT NULL,
    record         uuid NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    digest         text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    part           text NOT NULL CHECK (part IN ('train', 'validation')),
    PRIMARY KEY (restriction_id, version, record),
    FOREIGN KEY (restriction_id, version) REFERENCES tuning.version
);
CREATE INDEX member_record ON tuning.member (restriction_id, record) INCLUDE (version, part);

CREATE TABLE tuning.run (
    restriction_id integer NOT NULL,
    id             uuid NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    version        text NOT NULL,
    base           text NOT NULL CHECK (length(base) <= 100),
    base_sha256    text NOT NULL CHECK (base_sha256 ~ '^[0-9a-f]{64}$'),
    configuration  jsonb NOT NULL,
    plan           jsonb NOT NULL,
    key            bytea CHECK (length(key) = 32),
    checkpoint     jsonb,
    curve          real[] NOT NULL DEFAULT '{}',
    validation     real[] NOT NULL DEFAULT '{}',
    tokens         bigint NOT NULL DEFAULT 0,
    seconds        real NOT NULL DEFAULT 0,
    memory         bigint NOT NULL DEFAULT 0,
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, id),
    FOREIGN KEY (restriction_id, version) REFERENCES tuning.version
);
CREATE INDEX run_page ON tuning.run (restriction_id, created DESC, id);
CREATE INDEX run_version ON tuning.run (restriction_id, version);

-- The registry: named by content.
CREATE TABLE tuning.adapter (
    restriction_id integer NOT NULL,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    run            uuid NOT NULL,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    version        text NOT NULL,
    state          text NOT NULL DEFAULT 'candidate'
                   CHECK (state IN ('candidate', 'certified', 'serving', 'suspended', 'revoked', 'erased')),
    reason         text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    object         uuid NOT NULL,
    size           bigint NOT NULL CHECK (size > 0),
    key            bytea CHECK (length(key) = 32),
    card           jsonb NOT NULL,
    created_by     text NOT NULL,
    created        timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'erased') = (key IS NULL)),
    PRIMARY KEY (restriction_id, sha256),
    UNIQUE (restriction_id, run),
    FOREIGN KEY (restriction_id, run) REFERENCES tuning.run (restriction_id, id)
);
CREATE INDEX adapter_page ON tuning.adapter (restriction_id, created DESC, sha256);
CREATE INDEX adapter_version ON tuning.adapter (restriction_id, version);

-- What became of an adapter: its states, and the evaluations and certificates that name it.
CREATE TABLE tuning.event (
    restriction_id integer NOT NULL,
    adapter        text NOT NULL,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    sort           text NOT NULL CHECK (sort IN ('state', 'evaluation', 'certificate')),
    said           text NOT NULL CHECK (length(said) <= 100),
    digest         text CHECK (digest ~ '^[0-9a-f]{64}$'),
    reason         text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    by             text NOT NULL DEFAULT appliance.subject(),
    at             timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (restriction_id, adapter, id),
    FOREIGN KEY (restriction_id, adapter) REFERENCES tuning.adapter (restriction_id, sha256)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['version', 'member', 'run', 'adapter', 'event'] LOOP
        PERFORM appliance.confine(format('tuning.%I', name)::regclass);
        EXECUTE format('CREATE POLICY restricted ON tuning.%I AS RESTRICTIVE TO tuning USING ('
                       'restriction_id = ANY ((SELECT appliance.readable_restrictions())::integer[]))', name);
        EXECUTE format('CREATE TRIGGER label BEFORE INSERT OR UPDATE ON tuning.%I '
                       'FOR EACH ROW EXECUTE FUNCTION appliance.label_of_restriction()', name);
    END LOOP;
    -- For the purge below, which reaches what its caller may not know of.
    FOREACH name IN ARRAY ARRAY['member', 'adapter', 'event'] LOOP
        EXECUTE format('CREATE POLICY owner ON tuning.%I TO CURRENT_USER USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;

-- Suspend every adapter that descends from a record or a version, whatever limits its readers. It answers nothing: who
-- asks learns of those that they may read by reading them.
CREATE FUNCTION tuning.purge(purged text, why text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    who text := appliance.subject();
BEGIN
    IF appliance.action() IS DISTINCT FROM 'suspend' OR cardinality(appliance.writable()) = 0 THEN
        RAISE EXCEPTION 'only a request that the access policy calls so suspends' USING ERRCODE = 'insufficient_privilege';
    END IF;
    WITH hit AS (
        SELECT DISTINCT restriction_id, version FROM tuning.member
        WHERE restriction_id IN (SELECT id FROM appliance.restriction)
          AND CASE WHEN purged ~ '^[0-9a-f-]{36}$' THEN record = purged::uuid ELSE version = purged END
    ), gone AS (
        UPDATE tuning.adapter AS a SET state = 'suspended', reason = why FROM hit
        WHERE (a.restriction_id, a.version) = (hit.restriction_id, hit.version)
          AND a.state IN ('candidate', 'certified', 'serving')
        RETURNING a.restriction_id, a.sha256, a.label_id
    )
    INSERT INTO tuning.event (restriction_id, adapter, label_id, sort, said, reason, by)
    SELECT restriction_id, sha256, label_id, 'state', 'suspended', why, who FROM gone;
END $$;
REVOKE ALL ON FUNCTION tuning.purge(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tuning.purge(text, text) TO tuning;

GRANT SELECT, INSERT ON tuning.version, tuning.member, tuning.run, tuning.adapter, tuning.event TO tuning;
GRANT UPDATE (checkpoint, curve, validation, tokens, seconds, memory, key) ON tuning.run TO tuning;
GRANT UPDATE (state, reason, key) ON tuning.adapter TO tuning;
