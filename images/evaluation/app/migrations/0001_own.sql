-- Packs and suites of a site (docs/adr/0172-own-suites.md). A row is immutable: a change is the next version. Names and
-- versions are unique within one restriction alone, so that what is hidden refuses nothing and numbers nothing.
CREATE SCHEMA evaluation;

CREATE TABLE evaluation.pack (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    name           text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{1,29}$'),
    version        integer NOT NULL CHECK (version > 0),
    portion        text NOT NULL,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    items          integer NOT NULL CHECK (items > 0),
    card           jsonb NOT NULL,
    content        bytea NOT NULL CHECK (length(content) <= 8388608),
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, id),
    UNIQUE (restriction_id, name, version),
    UNIQUE (restriction_id, name, sha256)
);

CREATE TABLE evaluation.suite (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    name           text NOT NULL CHECK (name ~ '^[a-z][a-z0-9-]{1,40}$'),
    version        integer NOT NULL CHECK (version > 0),
    portion        text NOT NULL,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    definition     json NOT NULL, -- whose first measure is the main one: the order counts
    packs          uuid[] NOT NULL,
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, id),
    UNIQUE (restriction_id, name, version),
    UNIQUE (restriction_id, name, sha256)
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['pack', 'suite'] LOOP
        PERFORM appliance.confine(format('evaluation.%I', name)::regclass);
        EXECUTE format('CREATE POLICY restricted ON evaluation.%I AS RESTRICTIVE USING '
                       '(restriction_id = ANY ((SELECT appliance.readable_restrictions())::integer[]))', name);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA evaluation TO evaluation;
GRANT SELECT, INSERT ON evaluation.pack, evaluation.suite TO evaluation;
