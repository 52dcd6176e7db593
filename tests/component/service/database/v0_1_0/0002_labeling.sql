-- Projects, tasks and preferences. Each record has a label; rows outside the admitted labels do not exist for the role.
CREATE SCHEMA labeling;

CREATE TABLE labeling.projects (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    label_id    integer NOT NULL REFERENCES appliance.labels,
    portion     text NOT NULL,
    name        text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    instruction text NOT NULL CHECK (length(instruction) <= 10000),
    created_by  text NOT NULL DEFAULT appliance.subject(),
    created     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE labeling.tasks (
    id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    number     bigint GENERATED ALWAYS AS IDENTITY,
    project_id uuid NOT NULL REFERENCES labeling.projects,
    label_id   integer NOT NULL REFERENCES appliance.labels,
    portion    text NOT NULL,
    prompt     text NOT NULL,
    answer_a   text NOT NULL,
    answer_b   text NOT NULL,
    source     jsonb NOT NULL DEFAULT '{}',
    created    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (id, label_id)
);
CREATE INDEX ON labeling.tasks (project_id, number);

CREATE TABLE labeling.preferences (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    task_id   uuid NOT NULL,
    label_id  integer NOT NULL,
    annotator text NOT NULL DEFAULT appliance.subject(),
    choice    text NOT NULL CHECK (choice IN ('a', 'b', 'tie')),
    created   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (task_id, annotator),
    FOREIGN KEY (task_id, label_id) REFERENCES labeling.tasks (id, label_id)
);

ALTER TABLE labeling.projects ENABLE ROW LEVEL SECURITY;
ALTER TABLE labeling.projects FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.tasks ENABLE ROW LEVEL SECURITY;
ALTER TABLE labeling.tasks FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.preferences ENABLE ROW LEVEL SECURITY;
ALTER TABLE labeling.preferences FORCE ROW LEVEL SECURITY;

CREATE POLICY readable ON labeling.projects FOR SELECT USING (label_id = ANY ((SELECT appliance.readable())::integer[]));
CREATE POLICY writable ON labeling.projects FOR INSERT
WITH CHECK (label_id = ANY ((SELECT appliance.writable())::integer[]) AND created_by = (SELECT appliance.subject()));

CREATE POLICY readable ON labeling.tasks FOR SELECT USING (label_id = ANY ((SELECT appliance.readable())::integer[]));
CREATE POLICY writable ON labeling.tasks FOR INSERT
WITH CHECK (
    label_id = ANY ((SELECT appliance.writable())::integer[])
    AND EXISTS (SELECT FROM labeling.projects WHERE projects.id = project_id)
);

-- Annotators are blind to each other: only an export reads the preferences of all.
CREATE POLICY readable ON labeling.preferences FOR SELECT
USING (
    label_id = ANY ((SELECT appliance.readable())::integer[])
    AND (annotator = (SELECT appliance.subject()) OR (SELECT appliance.action()) = 'export')
);
CREATE POLICY writable ON labeling.preferences FOR INSERT
WITH CHECK (
    label_id = ANY ((SELECT appliance.writable())::integer[])
    AND annotator = (SELECT appliance.subject())
    AND EXISTS (SELECT FROM labeling.tasks WHERE tasks.id = task_id)
);

CREATE TRIGGER fixed_label BEFORE UPDATE ON labeling.projects
FOR EACH ROW EXECUTE FUNCTION appliance.refuse_relabeling();
CREATE TRIGGER fixed_label BEFORE UPDATE ON labeling.tasks
FOR EACH ROW EXECUTE FUNCTION appliance.refuse_relabeling();
CREATE TRIGGER fixed_label BEFORE UPDATE ON labeling.preferences
FOR EACH ROW EXECUTE FUNCTION appliance.refuse_relabeling();

GRANT USAGE ON SCHEMA labeling TO labeling;
GRANT SELECT, INSERT ON labeling.projects, labeling.tasks, labeling.preferences TO labeling;
