-- The classes of a project may change. The project itself stays as it was made: "schema" of the newest row here is the one of
-- today. Answers keep what their authors said, and the number of the classes in which they said it; they are mapped when they
-- are read. The reasons are in docs/adr/0201-ontology.md.
CREATE TABLE labeling.ontology (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    number         integer NOT NULL CHECK (number > 0),
    schema         jsonb NOT NULL,
    changes        jsonb NOT NULL,
    undoes         integer CHECK (undoes < number),
    reason         text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    made_by        text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, number),
    UNIQUE (project_id, restriction_id, undoes),
    FOREIGN KEY (restriction_id, project_id) REFERENCES labeling.project (restriction_id, id)
);

SELECT appliance.confine('labeling.ontology');
CREATE POLICY restricted ON labeling.ontology AS RESTRICTIVE
USING (restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction))
       AND project_id = ANY (ARRAY(SELECT id FROM labeling.project)));
-- Everybody reads in which classes they answer; who reviews changes them.
CREATE POLICY reviewed ON labeling.ontology AS RESTRICTIVE FOR INSERT
WITH CHECK ((SELECT appliance.action()) = 'review' AND made_by = (SELECT appliance.subject()));
GRANT SELECT, INSERT ON labeling.ontology TO labeling;

ALTER TABLE labeling.answer ADD COLUMN ontology integer NOT NULL DEFAULT 0 CHECK (ontology >= 0);
ALTER TABLE labeling.draft ADD COLUMN ontology integer NOT NULL DEFAULT 0 CHECK (ontology >= 0);
ALTER TABLE labeling.gold ADD COLUMN ontology integer NOT NULL DEFAULT 0 CHECK (ontology >= 0);
ALTER TABLE labeling.review ADD COLUMN ontology integer NOT NULL DEFAULT 0 CHECK (ontology >= 0);
ALTER TABLE labeling.adjudication ADD COLUMN ontology integer NOT NULL DEFAULT 0 CHECK (ontology >= 0);

-- A task is decided once in the same classes: when a decision names a class that was split, it is decided again.
ALTER TABLE labeling.adjudication DROP CONSTRAINT adjudication_pkey;
ALTER TABLE labeling.adjudication ADD PRIMARY KEY (project_id, restriction_id, position, ontology);
