-- Marked documents as passages, questions with what answers them, and products. Every key begins with a restriction, and
-- every statement takes the rows of each restriction that the reader may read by itself (docs/adr/0150, 0220).
CREATE SCHEMA decision;

-- "banner" is what the document says or its uploader declared; what is held back is found by nobody.
CREATE TABLE decision.document (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    title          text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    file           text NOT NULL CHECK (length(file) BETWEEN 1 AND 200),
    kind           text NOT NULL,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    size           integer NOT NULL CHECK (size > 0),
    banner         text NOT NULL,
    state          text NOT NULL CHECK (state IN ('kept', 'held', 'withdrawn')),
    source         jsonb NOT NULL DEFAULT '{}',
    conflicts      text[] NOT NULL DEFAULT '{}',
    remarks        text[] NOT NULL DEFAULT '{}',
    unread         text[] NOT NULL DEFAULT '{}',
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, id)
);
-- "Already there" is an answer about others: only within one restriction, where it is an answer about what one may read.
CREATE UNIQUE INDEX document_content ON decision.document (restriction_id, sha256) WHERE state <> 'withdrawn';
CREATE INDEX document_page ON decision.document (restriction_id, created DESC, id);

-- A passage has the restriction of its own portion mark, which may be lower than its document's.
CREATE TABLE decision.passage (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    document       uuid NOT NULL,
    number         integer NOT NULL CHECK (number > 0),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    home           integer NOT NULL REFERENCES appliance.restriction,
    portion        text NOT NULL,
    inherited      boolean NOT NULL,
    part           text NOT NULL,
    place          text NOT NULL,
    text           text NOT NULL CHECK (length(text) BETWEEN 1 AND 20000),
    PRIMARY KEY (restriction_id, document, number)
);

-- An index of its own: under row-level security PostgreSQL passes over hidden rows before it asks "@@", which is not
-- leakproof. Equality of numbers and of text is, so that this key is used, and hidden rows cost no time.
CREATE TABLE decision.posting (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    term           text COLLATE "C" NOT NULL,
    document       uuid NOT NULL,
    number         integer NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    occurrences    smallint NOT NULL CHECK (occurrences > 0),
    words          smallint NOT NULL CHECK (words > 0),
    PRIMARY KEY (restriction_id, term, document, number) INCLUDE (occurrences, words)
);

-- Statistics of each restriction by itself: what is hidden shifts no score.
CREATE TABLE decision.volume (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    passages       bigint NOT NULL CHECK (passages >= 0),
    words          bigint NOT NULL CHECK (words >= 0),
    PRIMARY KEY (restriction_id)
);

-- A question is read by who asked it. Its restriction is the join of the question and of all that it quotes.
CREATE TABLE decision.question (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    id             uuid NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    text           text NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
    portion        text NOT NULL,
    state          text NOT NULL CHECK (state IN ('quoted', 'asking', 'answered', 'failed')),
    message        text NOT NULL DEFAULT '' CHECK (length(message) <= 2000),
    found          integer NOT NULL,
    model          text,
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, id)
);
CREATE INDEX question_page ON decision.question (restriction_id, created_by, created DESC, id);

CREATE TABLE decision.quotation (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    question       uuid NOT NULL,
    rank           integer NOT NULL CHECK (rank > 0),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    document       uuid NOT NULL,
    number         integer NOT NULL,
    PRIMARY KEY (restriction_id, question, rank)
);

-- What a model wrote. "portion" is the stratum: the prompt held nothing outside it. Until a person signs it is proposed.
CREATE TABLE decision.claim (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    question       uuid NOT NULL,
    number         integer NOT NULL CHECK (number > 0),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    portion        text NOT NULL,
    text           text NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
    citations      jsonb NOT NULL,
    prompt         text NOT NULL CHECK (prompt ~ '^[0-9a-f]{64}$'),
    left_out       integer NOT NULL,
    model          text NOT NULL,
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, question, number)
);

-- A product is composed once: its content never changes, so that a signature covers what everybody reads.
CREATE TABLE decision.product (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    template       text NOT NULL,
    title          text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    banner         text NOT NULL,
    content        jsonb NOT NULL CHECK (length(content::text) <= 1000000),
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, id)
);
CREATE INDEX product_page ON decision.product (restriction_id, created DESC, id);

CREATE TABLE decision.signature (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    product        uuid NOT NULL,
    signed_by      text NOT NULL DEFAULT appliance.subject(),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    signed         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, product, signed_by),
    FOREIGN KEY (restriction_id, product) REFERENCES decision.product
);

DO $$
DECLARE
    name text;
    readable CONSTANT text := 'restriction_id = ANY ((SELECT appliance.readable_restrictions())::integer[])';
    writable CONSTANT text := 'label_id = ANY ((SELECT appliance.writable())::integer[])';
BEGIN
    FOREACH name IN ARRAY ARRAY['document', 'passage', 'posting', 'volume', 'question', 'quotation', 'claim', 'product',
                                'signature'] LOOP
        EXECUTE format('ALTER TABLE decision.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY readable ON decision.%I FOR SELECT USING (%s)', name, readable);
        EXECUTE format('CREATE POLICY writable ON decision.%I FOR INSERT WITH CHECK (%s AND %s)', name, readable, writable);
        EXECUTE format('CREATE POLICY changeable ON decision.%I FOR UPDATE USING (%s AND %s) WITH CHECK (%s AND %s)',
                       name, readable, writable, readable, writable);
        EXECUTE format('CREATE POLICY removable ON decision.%I FOR DELETE USING (%s AND %s)', name, readable, writable);
        EXECUTE format('CREATE TRIGGER label BEFORE INSERT OR UPDATE ON decision.%I FOR EACH ROW '
                       'EXECUTE FUNCTION appliance.label_of_restriction()', name);
    END LOOP;
END $$;

-- What a person asked is theirs. The service itself is admitted for a job that the monitor granted, and for nothing else.
CREATE POLICY own ON decision.question AS RESTRICTIVE
    USING ((SELECT appliance.subject()) IN (created_by, 'service:decision'));

GRANT USAGE ON SCHEMA decision TO decision;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA decision TO decision;
GRANT UPDATE (state) ON decision.document TO decision;
GRANT UPDATE (state, message, model) ON decision.question TO decision;
GRANT UPDATE (passages, words) ON decision.volume TO decision;
GRANT DELETE ON decision.posting, decision.passage, decision.claim TO decision;
