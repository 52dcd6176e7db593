-- Projects of any kind of task. Every record has a restriction: label, portion marking (which says whether its originator
-- controls it) and need-to-know groups. The reasons for keys and policies are in docs/adr/0150-restricted-keys.md.

CREATE TABLE labeling.restriction (
    id       integer GENERATED ALWAYS AS IDENTITY,
    label_id integer NOT NULL REFERENCES appliance.labels,
    portion  text NOT NULL,
    groups   text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (label_id, id),
    UNIQUE (label_id, portion, groups)
);

CREATE TABLE labeling.project (
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    guidelines     text NOT NULL DEFAULT '' CHECK (length(guidelines) <= 100000),
    kind           text NOT NULL CHECK (kind ~ '^[a-z_]{1,30}$'),
    schema         jsonb NOT NULL,
    overlap        smallint NOT NULL DEFAULT 2 CHECK (overlap > 0),
    lease_minutes  smallint NOT NULL DEFAULT 60 CHECK (lease_minutes > 0),
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, id),
    FOREIGN KEY (label_id, restriction_id) REFERENCES labeling.restriction
);

-- Counts of a project, kept instead of counted; "last" is the position that was given last.
CREATE TABLE labeling.counter (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    tasks          bigint NOT NULL DEFAULT 0,
    done           bigint NOT NULL DEFAULT 0,
    answers        bigint NOT NULL DEFAULT 0,
    last           bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, restriction_id),
    FOREIGN KEY (label_id, restriction_id) REFERENCES labeling.restriction
);

-- "position" orders the tasks of a project and is never shown; "taken" counts claims that hold or have answered.
CREATE TABLE labeling.task (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    data           jsonb NOT NULL,
    source         jsonb NOT NULL DEFAULT '{}',
    external_id    text CHECK (length(external_id) BETWEEN 1 AND 200),
    wanted         smallint NOT NULL CHECK (wanted > 0),
    taken          smallint NOT NULL DEFAULT 0 CHECK (taken >= 0),
    answered       smallint NOT NULL DEFAULT 0 CHECK (answered >= 0),
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, position),
    UNIQUE (project_id, restriction_id, id),
    UNIQUE (project_id, restriction_id, external_id),
    FOREIGN KEY (project_id, restriction_id) REFERENCES labeling.counter
);
CREATE INDEX task_open ON labeling.task (project_id, restriction_id, position) WHERE taken < wanted;

-- Who holds, or held, which task. A task that comes free again is found through "returned".
CREATE TABLE labeling.claim (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    annotator      text NOT NULL DEFAULT appliance.subject(),
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'answered', 'skipped', 'expired')),
    reason         text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    opened         timestamptz NOT NULL DEFAULT now(),
    expires        timestamptz NOT NULL,
    PRIMARY KEY (project_id, restriction_id, position, annotator),
    FOREIGN KEY (project_id, restriction_id, position) REFERENCES labeling.task
);
CREATE INDEX claim_open ON labeling.claim (project_id, restriction_id, expires) WHERE state = 'open';
CREATE INDEX claim_mine ON labeling.claim (project_id, restriction_id, annotator, opened) WHERE state = 'open';

CREATE TABLE labeling.returned (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    PRIMARY KEY (project_id, restriction_id, position),
    FOREIGN KEY (project_id, restriction_id, position) REFERENCES labeling.task
);

-- What one annotator did; up to "watermark" nothing is left for them that was not returned.
CREATE TABLE labeling.progress (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    annotator      text NOT NULL DEFAULT appliance.subject(),
    answered       bigint NOT NULL DEFAULT 0,
    skipped        bigint NOT NULL DEFAULT 0,
    watermark      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (project_id, restriction_id, annotator),
    FOREIGN KEY (project_id, restriction_id) REFERENCES labeling.counter
);

CREATE TABLE labeling.draft (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    annotator      text NOT NULL DEFAULT appliance.subject(),
    value          jsonb NOT NULL,
    saved          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, position, annotator),
    FOREIGN KEY (project_id, restriction_id, position) REFERENCES labeling.task
);

-- "original" is what an answer was imported from, whole, so that it leaves as it came.
CREATE TABLE labeling.answer (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    annotator      text NOT NULL DEFAULT appliance.subject(),
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    value          jsonb NOT NULL,
    imported_by    text,
    original       jsonb,
    withdrawn      boolean NOT NULL DEFAULT false,
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, position, annotator),
    FOREIGN KEY (project_id, restriction_id, position) REFERENCES labeling.task
);

-- The known answer of a task that looks like any other.
CREATE TABLE labeling.gold (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    value          jsonb NOT NULL,
    set_by         text NOT NULL DEFAULT appliance.subject(),
    PRIMARY KEY (project_id, restriction_id, position),
    FOREIGN KEY (project_id, restriction_id, position) REFERENCES labeling.task
);

CREATE TABLE labeling.flag (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    annotator      text NOT NULL DEFAULT appliance.subject(),
    about          text NOT NULL CHECK (about IN ('marking', 'broken', 'unclear', 'harmful')),
    comment        text NOT NULL CHECK (length(comment) <= 2000),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, position, annotator, about),
    FOREIGN KEY (project_id, restriction_id, position) REFERENCES labeling.task
);

CREATE TABLE labeling.review (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    annotator      text NOT NULL,
    reviewer       text NOT NULL DEFAULT appliance.subject() CHECK (reviewer <> annotator),
    verdict        text NOT NULL CHECK (verdict IN ('accept', 'correct', 'reject')),
    value          jsonb,
    reason         text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, position, annotator, reviewer),
    FOREIGN KEY (project_id, restriction_id, position, annotator) REFERENCES labeling.answer,
    CHECK ((verdict = 'correct') = (value IS NOT NULL)),
    CHECK (verdict = 'accept' OR reason <> '')
);

CREATE TABLE labeling.adjudication (
    project_id     uuid NOT NULL,
    label_id       integer NOT NULL,
    restriction_id integer NOT NULL,
    position       bigint NOT NULL,
    adjudicator    text NOT NULL DEFAULT appliance.subject(),
    value          jsonb NOT NULL,
    reason         text NOT NULL CHECK (length(reason) BETWEEN 1 AND 2000),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (project_id, restriction_id, position),
    FOREIGN KEY (project_id, restriction_id, position) REFERENCES labeling.task
);

-- What earlier versions kept is copied, as of now; what they add later, when they are returned to, follows by triggers.
-- Their tables stay for them alone: this version reads none of them.
ALTER TABLE labeling.projects NO FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.tasks NO FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.preferences NO FORCE ROW LEVEL SECURITY;

CREATE FUNCTION labeling.restriction_of(label integer, portion text, groups text[]) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog AS $$
DECLARE
    found integer;
BEGIN
    INSERT INTO labeling.restriction AS r (label_id, portion, groups)
    VALUES (label, restriction_of.portion, restriction_of.groups) ON CONFLICT DO NOTHING;
    SELECT r.id INTO STRICT found FROM labeling.restriction AS r
    WHERE r.label_id = label AND r.portion = restriction_of.portion AND r.groups = restriction_of.groups;
    RETURN found;
END $$;
REVOKE ALL ON FUNCTION labeling.restriction_of(integer, text, text[]) FROM PUBLIC;

CREATE FUNCTION labeling.carry_project() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    -- In a statement of its own: a policy does not see what its own statement adds.
    own integer := labeling.restriction_of(new.label_id, new.portion, array_remove(ARRAY[new.need_to_know], NULL));
BEGIN
    INSERT INTO labeling.project (id, label_id, restriction_id, name, guidelines, kind, schema, overlap, created_by, created)
    VALUES (new.id, new.label_id, own, new.name, new.instruction, 'pairwise', '{}', 1000, new.created_by, new.created);
    RETURN new;
END $$;

CREATE FUNCTION labeling.carry_task() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    own   labeling.restriction;
    given bigint := (extract(epoch FROM new.created) * 1000000)::bigint;
BEGIN
    SELECT r.* INTO STRICT own FROM labeling.project AS p
    JOIN labeling.restriction AS r ON (r.label_id, r.id) = (p.label_id, p.restriction_id) WHERE p.id = new.project_id;
    own.id := labeling.restriction_of(new.label_id, new.portion, own.groups);
    INSERT INTO labeling.counter AS c (project_id, label_id, restriction_id, tasks, last)
    VALUES (new.project_id, new.label_id, own.id, 1, given)
    ON CONFLICT (project_id, restriction_id) DO UPDATE SET tasks = c.tasks + 1, last = greatest(c.last + 1, given)
    RETURNING c.last INTO given;
    INSERT INTO labeling.task (project_id, label_id, restriction_id, position, id, data, source, wanted, created_by, created)
    VALUES (new.project_id, new.label_id, own.id, given, new.id, jsonb_build_object(
                'prompt', new.prompt, 'answers', jsonb_build_array(new.answer_a, new.answer_b)),
            new.source, 1000, '', new.created);
    RETURN new;
END $$;

CREATE FUNCTION labeling.carry_preference() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    found labeling.task;
BEGIN
    SELECT t.* INTO STRICT found FROM labeling.tasks AS earlier
    JOIN labeling.task AS t ON t.project_id = earlier.project_id AND t.label_id = earlier.label_id AND t.id = earlier.id
    WHERE earlier.id = new.task_id;
    INSERT INTO labeling.claim (project_id, label_id, restriction_id, position, annotator, state, opened, expires)
    VALUES (found.project_id, found.label_id, found.restriction_id, found.position, new.annotator, 'answered',
            new.created, new.created);
    INSERT INTO labeling.answer (project_id, label_id, restriction_id, position, annotator, id, value, created)
    VALUES (found.project_id, found.label_id, found.restriction_id, found.position, new.annotator, new.id,
            jsonb_build_object('choice', new.choice), new.created);
    UPDATE labeling.task SET taken = taken + 1, answered = answered + 1
    WHERE project_id = found.project_id AND restriction_id = found.restriction_id AND position = found.position;
    UPDATE labeling.counter SET answers = answers + 1, done = done + (found.answered = 0)::integer
    WHERE project_id = found.project_id AND restriction_id = found.restriction_id;
    INSERT INTO labeling.progress AS p (project_id, label_id, restriction_id, annotator, answered)
    VALUES (found.project_id, found.label_id, found.restriction_id, new.annotator, 1)
    ON CONFLICT (project_id, restriction_id, annotator) DO UPDATE SET answered = p.answered + 1;
    RETURN new;
END $$;
REVOKE ALL ON FUNCTION labeling.carry_project(), labeling.carry_task(), labeling.carry_preference() FROM PUBLIC;

INSERT INTO labeling.restriction (label_id, portion, groups)
SELECT label_id, portion, array_remove(ARRAY[need_to_know], NULL) FROM labeling.projects
UNION SELECT t.label_id, t.portion, array_remove(ARRAY[p.need_to_know], NULL)
FROM labeling.tasks AS t JOIN labeling.projects AS p ON p.id = t.project_id;

INSERT INTO labeling.project (id, label_id, restriction_id, name, guidelines, kind, schema, overlap, created_by, created)
SELECT p.id, p.label_id, r.id, p.name, p.instruction, 'pairwise', '{}', 1000, p.created_by, p.created
FROM labeling.projects AS p JOIN labeling.restriction AS r
ON r.label_id = p.label_id AND r.portion = p.portion AND r.groups = array_remove(ARRAY[p.need_to_know], NULL);

CREATE TEMPORARY TABLE carried ON COMMIT DROP AS
SELECT t.*, r.id AS restriction_id, count(q.id) AS given
FROM labeling.tasks AS t
JOIN labeling.projects AS p ON p.id = t.project_id
JOIN labeling.restriction AS r
ON r.label_id = t.label_id AND r.portion = t.portion AND r.groups = array_remove(ARRAY[p.need_to_know], NULL)
LEFT JOIN labeling.preferences AS q ON q.task_id = t.id
GROUP BY t.id, r.id;

INSERT INTO labeling.counter (project_id, label_id, restriction_id, tasks, done, answers, last)
SELECT project_id, label_id, restriction_id, count(*), count(*) FILTER (WHERE given > 0), sum(given), max(number)
FROM carried GROUP BY project_id, label_id, restriction_id;

INSERT INTO labeling.task
    (project_id, label_id, restriction_id, position, id, data, source, wanted, taken, answered, created_by, created)
SELECT project_id, label_id, restriction_id, number, id,
       jsonb_build_object('prompt', prompt, 'answers', jsonb_build_array(answer_a, answer_b)), source,
       1000, given, given, '', created
FROM carried;

INSERT INTO labeling.claim (project_id, label_id, restriction_id, position, annotator, state, opened, expires)
SELECT t.project_id, t.label_id, t.restriction_id, t.number, q.annotator, 'answered', q.created, q.created
FROM labeling.preferences AS q JOIN carried AS t ON t.id = q.task_id;

INSERT INTO labeling.answer (project_id, label_id, restriction_id, position, annotator, id, value, created)
SELECT t.project_id, t.label_id, t.restriction_id, t.number, q.annotator, q.id, jsonb_build_object('choice', q.choice), q.created
FROM labeling.preferences AS q JOIN carried AS t ON t.id = q.task_id;

INSERT INTO labeling.progress (project_id, label_id, restriction_id, annotator, answered)
SELECT t.project_id, t.label_id, t.restriction_id, q.annotator, count(*)
FROM labeling.preferences AS q JOIN carried AS t ON t.id = q.task_id GROUP BY 1, 2, 3, 4;
DROP TABLE carried;

ALTER TABLE labeling.projects FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.tasks FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.preferences FORCE ROW LEVEL SECURITY;
CREATE TRIGGER carry AFTER INSERT ON labeling.projects FOR EACH ROW EXECUTE FUNCTION labeling.carry_project();
CREATE TRIGGER carry AFTER INSERT ON labeling.tasks FOR EACH ROW EXECUTE FUNCTION labeling.carry_task();
CREATE TRIGGER carry AFTER INSERT ON labeling.preferences FOR EACH ROW EXECUTE FUNCTION labeling.carry_preference();

-- One form of policy for all: the label, the groups, and of what belongs to a project, the project.
SELECT appliance.confine(format('labeling.%I', name)::regclass) FROM unnest(ARRAY[
    'restriction', 'project', 'counter', 'task', 'claim', 'returned', 'progress', 'draft', 'answer', 'gold', 'flag',
    'review', 'adjudication']) AS name;

CREATE POLICY need_to_know ON labeling.restriction AS RESTRICTIVE
USING (groups <@ (SELECT appliance.groups())::text[]);
CREATE POLICY restricted ON labeling.project AS RESTRICTIVE
USING (restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction)));
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['counter', 'task', 'claim', 'returned', 'progress', 'draft', 'answer', 'gold', 'flag',
                                'review', 'adjudication'] LOOP
        EXECUTE format(
            'CREATE POLICY restricted ON labeling.%I AS RESTRICTIVE '
            'USING (restriction_id = ANY (ARRAY(SELECT id FROM labeling.restriction)) '
            'AND project_id = ANY (ARRAY(SELECT id FROM labeling.project)))', name);
    END LOOP;
END $$;

-- Annotators are blind to each other: who reviews or exports reads the answers of all.
CREATE POLICY own ON labeling.draft AS RESTRICTIVE USING (annotator = (SELECT appliance.subject()));
CREATE POLICY blind ON labeling.answer AS RESTRICTIVE FOR SELECT
USING (annotator = (SELECT appliance.subject()) OR (SELECT appliance.action()) IN ('export', 'review'));
CREATE POLICY own ON labeling.answer AS RESTRICTIVE FOR INSERT
WITH CHECK (CASE WHEN imported_by IS NULL THEN annotator = (SELECT appliance.subject())
            ELSE imported_by = (SELECT appliance.subject()) AND annotator LIKE 'imported:%' END);
CREATE POLICY own_or_review ON labeling.answer AS RESTRICTIVE FOR UPDATE
USING (annotator = (SELECT appliance.subject()) OR (SELECT appliance.action()) = 'review');
CREATE POLICY own_only ON labeling.answer AS RESTRICTIVE FOR DELETE USING (annotator = (SELECT appliance.subject()));
CREATE POLICY hidden ON labeling.gold AS RESTRICTIVE FOR SELECT
USING ((SELECT appliance.action()) IN ('export', 'review'));
CREATE POLICY to_author_or_reviewer ON labeling.review AS RESTRICTIVE FOR SELECT
USING (annotator = (SELECT appliance.subject()) OR (SELECT appliance.action()) IN ('export', 'review'));
CREATE POLICY own ON labeling.review AS RESTRICTIVE FOR INSERT
WITH CHECK (reviewer = (SELECT appliance.subject()) AND (SELECT appliance.action()) = 'review');
CREATE POLICY not_an_author ON labeling.adjudication AS RESTRICTIVE FOR INSERT
WITH CHECK (adjudicator = (SELECT appliance.subject()) AND (SELECT appliance.action()) = 'review' AND NOT EXISTS (
    SELECT FROM labeling.answer AS a WHERE a.project_id = adjudication.project_id
    AND a.restriction_id = adjudication.restriction_id AND a.position = adjudication.position
    AND a.annotator = adjudicator));

GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA labeling TO labeling;
GRANT UPDATE ON labeling.project, labeling.counter, labeling.task, labeling.claim, labeling.progress, labeling.draft,
    labeling.answer TO labeling;
GRANT DELETE ON labeling.returned, labeling.draft, labeling.answer, labeling.claim TO labeling;
GRANT EXECUTE ON FUNCTION labeling.restriction_of(integer, text, text[]) TO labeling;
