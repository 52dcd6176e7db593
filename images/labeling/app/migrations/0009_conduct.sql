-- How the work of a project is conducted: guidelines, pause, deadline and team may change. The project itself stays as it was
-- made: the newest row here counts. Rows are added under the action review alone, and none is changed.
CREATE TABLE labeling.setting (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    number         integer NOT NULL CHECK (number > 0),
    guidelines     text NOT NULL CHECK (length(guidelines) <= 100000),
    guided         integer NOT NULL CHECK (guided BETWEEN 0 AND number), -- the row that changed the guidelines last
    paused         boolean NOT NULL,
    deadline       timestamptz,
    team           text[] NOT NULL, -- empty: whoever may annotate
    made_by        text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, number),
    FOREIGN KEY (restriction_id, project_id) REFERENCES labeling.project (restriction_id, id)
);

-- Who has read which guidelines.
CREATE TABLE labeling.acknowledgement (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    annotator      text NOT NULL DEFAULT appliance.subject(),
    number         integer NOT NULL,
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, annotator, number),
    FOREIGN KEY (project_id, restriction_id, number) REFERENCES labeling.setting
);

-- What an annotator and the reviewers say to each other about one task. Annotators stay blind to each other: each has a
-- conversation of their own.
CREATE TABLE labeling.comment (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    annotator      text NOT NULL,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    author         text NOT NULL DEFAULT appliance.subject(),
    text           text NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
    created        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (project_id, restriction_id, position, annotator, id),
    FOREIGN KEY (project_id, restriction_id, position) REFERENCES labeling.task
);

SELECT appliance.confine(format('labeling.%I', name)::regclass)
FROM unnest(ARRAY['setting', 'acknowledgement', 'comment']) AS name;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['setting', 'acknowledgement', 'comment'] LOOP
        EXECUTE format(
            'CREATE POLICY restricted ON labeling.%I AS RESTRICTIVE '
            'USING (restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction)) '
            'AND project_id = ANY (ARRAY(SELECT id FROM labeling.project)))', name);
    END LOOP;
END $$;
CREATE POLICY reviewed ON labeling.setting AS RESTRICTIVE FOR INSERT
WITH CHECK ((SELECT appliance.action()) = 'review' AND made_by = (SELECT appliance.subject()));
CREATE POLICY own_or_review ON labeling.acknowledgement AS RESTRICTIVE FOR SELECT
USING (annotator = (SELECT appliance.subject()) OR (SELECT appliance.action()) = 'review');
CREATE POLICY own ON labeling.acknowledgement AS RESTRICTIVE FOR INSERT
WITH CHECK (annotator = (SELECT appliance.subject()));
CREATE POLICY own_or_review ON labeling.comment AS RESTRICTIVE FOR SELECT
USING (annotator = (SELECT appliance.subject()) OR (SELECT appliance.action()) IN ('export', 'review'));
CREATE POLICY own ON labeling.comment AS RESTRICTIVE FOR INSERT
WITH CHECK (author = (SELECT appliance.subject())
            AND (annotator = (SELECT appliance.subject()) OR (SELECT appliance.action()) = 'review'));
GRANT SELECT, INSERT ON labeling.setting, labeling.acknowledgement, labeling.comment TO labeling;
