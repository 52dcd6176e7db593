-- What is withdrawn is there for nobody: one policy decides for every route, and the database itself sets the mark. The
-- reasons are in docs/adr/0201-ontology.md.
ALTER TABLE labeling.task ADD COLUMN withdrawn boolean NOT NULL DEFAULT false;

-- It runs as the owner, whom the policy below does not limit: no statement that reads a row may hide it from itself.
-- The row was admitted by the policies of withdrawals, and it names its restriction.
CREATE FUNCTION labeling.withdraw() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    gone labeling.task;
BEGIN
    UPDATE labeling.task SET withdrawn = true
    WHERE project_id = new.project_id AND restriction_id = new.restriction_id AND id = new.task
    RETURNING * INTO STRICT gone;
    UPDATE labeling.counter
    SET tasks = tasks - 1, answers = answers - gone.answered, done = done - (gone.answered >= gone.wanted)::integer
    WHERE project_id = new.project_id AND restriction_id = new.restriction_id;
    RETURN new;
END $$;
REVOKE ALL ON FUNCTION labeling.withdraw() FROM PUBLIC;

ALTER TABLE labeling.withdrawal NO FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.task NO FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.counter NO FORCE ROW LEVEL SECURITY;
WITH gone AS (
    UPDATE labeling.task AS t SET withdrawn = true FROM labeling.withdrawal AS w
    WHERE t.project_id = w.project_id AND t.restriction_id = w.restriction_id AND t.id = w.task
    RETURNING t.project_id, t.restriction_id, t.answered, t.answered >= t.wanted AS done
), counted AS (
    SELECT project_id, restriction_id, count(*) AS tasks, sum(answered) AS answers, count(*) FILTER (WHERE done) AS done
    FROM gone GROUP BY project_id, restriction_id
)
UPDATE labeling.counter AS c
SET tasks = c.tasks - counted.tasks, answers = c.answers - counted.answers, done = c.done - counted.done
FROM counted WHERE c.project_id = counted.project_id AND c.restriction_id = counted.restriction_id;
ALTER TABLE labeling.withdrawal FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.task FORCE ROW LEVEL SECURITY;
ALTER TABLE labeling.counter FORCE ROW LEVEL SECURITY;

CREATE TRIGGER withdraw AFTER INSERT ON labeling.withdrawal
FOR EACH ROW WHEN (new.task IS NOT NULL) EXECUTE FUNCTION labeling.withdraw();
CREATE POLICY withdrawn ON labeling.task AS RESTRICTIVE TO labeling USING (NOT withdrawn) WITH CHECK (NOT withdrawn);
