-- Need-to-know: a project may belong to a group. For a subject outside it, neither the project nor its tasks exist.
ALTER TABLE labeling.projects ADD COLUMN need_to_know text CHECK (need_to_know ~ '^[a-z][a-z0-9-]{0,30}$');

-- Restrictive policies narrow what the label policies of 0002 permit, for every command.
CREATE POLICY need_to_know ON labeling.projects AS RESTRICTIVE
USING (need_to_know IS NULL OR need_to_know = ANY ((SELECT appliance.groups())::text[]));
CREATE POLICY need_to_know ON labeling.tasks AS RESTRICTIVE
USING (project_id IN (SELECT id FROM labeling.projects));
CREATE POLICY need_to_know ON labeling.preferences AS RESTRICTIVE
USING (task_id IN (SELECT id FROM labeling.tasks));
