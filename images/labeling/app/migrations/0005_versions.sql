-- Versions of a project's data, and what people decided about what the checks found. The reasons for keys and policies are in
-- docs/adr/0200-versions.md.

-- "restriction_id" is the join of all that went in; "parts" are the restrictions of its records. A version never changes:
-- the service's role may add one, and no more.
CREATE TABLE labeling.version (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    digest         text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    parent         text,
    records        integer NOT NULL CHECK (records > 0),
    parts          integer[] NOT NULL,
    manifest       text NOT NULL,
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, digest),
    FOREIGN KEY (label_id, restriction_id) REFERENCES labeling.restriction
);

-- The content of a record as versions have it, once for all of them. Of what was withdrawn the digest stays.
CREATE TABLE labeling.version_record (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    digest         text NOT NULL CHECK (digest ~ '^sha256:[0-9a-f]{64}$'),
    task           uuid NOT NULL,
    annotators     text[] NOT NULL,
    salt           text,
    content        text,
    tombstone      text CHECK (length(tombstone) BETWEEN 1 AND 2000),
    PRIMARY KEY (project_id, restriction_id, digest),
    FOREIGN KEY (label_id, restriction_id) REFERENCES labeling.restriction,
    CHECK ((tombstone IS NULL) = (content IS NOT NULL)),
    CHECK ((tombstone IS NULL) = (salt IS NOT NULL))
);
CREATE INDEX version_record_task ON labeling.version_record (project_id, restriction_id, task);

CREATE TABLE labeling.check_decision (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    finding        text NOT NULL CHECK (finding ~ '^[0-9a-f]{32}$'),
    sort           text NOT NULL CHECK (length(sort) BETWEEN 1 AND 40),
    reason         text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    annotators     text[] NOT NULL,
    decision       text NOT NULL CHECK (decision IN ('keep', 'leave out')),
    comment        text NOT NULL CHECK (length(comment) BETWEEN 1 AND 2000),
    decided_by     text NOT NULL DEFAULT appliance.subject() CHECK (decided_by <> ALL (annotators)),
    decided        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, finding),
    FOREIGN KEY (label_id, restriction_id) REFERENCES labeling.restriction
);

-- A record, or all that one person answered under a restriction, that was taken back.
CREATE TABLE labeling.withdrawal (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    task           uuid,
    annotator      text,
    reason         text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    withdrawn_by   text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, id),
    FOREIGN KEY (label_id, restriction_id) REFERENCES labeling.restriction,
    CHECK ((task IS NULL) <> (annotator IS NULL))
);
CREATE UNIQUE INDEX withdrawal_task ON labeling.withdrawal (project_id, restriction_id, task) WHERE task IS NOT NULL;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['version', 'version_record', 'check_decision', 'withdrawal'] LOOP
        PERFORM appliance.confine(format('labeling.%I', name)::regclass);
        EXECUTE format(
            'CREATE POLICY restricted ON labeling.%I AS RESTRICTIVE '
            'USING (restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction)) '
            'AND project_id = ANY (ARRAY(SELECT id FROM labeling.project)))', name);
        -- They hold the answers of all, to which annotators are blind.
        EXECUTE format(
            'CREATE POLICY reviewed ON labeling.%I AS RESTRICTIVE '
            'USING ((SELECT appliance.action()) IN (''export'', ''review'')) '
            'WITH CHECK ((SELECT appliance.action()) = ''review'')', name);
    END LOOP;
END $$;
CREATE POLICY own ON labeling.version AS RESTRICTIVE FOR INSERT WITH CHECK (created_by = (SELECT appliance.subject()));
CREATE POLICY own ON labeling.check_decision AS RESTRICTIVE FOR INSERT
WITH CHECK (decided_by = (SELECT appliance.subject()));
CREATE POLICY own_only ON labeling.check_decision AS RESTRICTIVE FOR DELETE
USING (decided_by = (SELECT appliance.subject()));
CREATE POLICY own ON labeling.withdrawal AS RESTRICTIVE FOR INSERT
WITH CHECK (withdrawn_by = (SELECT appliance.subject()));
-- The content of a record only ever goes.
CREATE POLICY goes ON labeling.version_record AS RESTRICTIVE FOR UPDATE WITH CHECK (tombstone IS NOT NULL);

GRANT SELECT, INSERT ON labeling.version, labeling.version_record, labeling.check_decision, labeling.withdrawal
    TO labeling;
GRANT UPDATE (salt, content, tombstone) ON labeling.version_record TO labeling;
GRANT DELETE ON labeling.check_decision TO labeling;
