-- Need-to-know: a project may belong to a group. For a subject outside it, neither the project nor its tasks exist.
ALTER TABLE appliance.admitted ADD COLUMN groups text[] NOT NULL DEFAULT '{}';
ALTER FUNCTION appliance.admit(text) RENAME TO admit_labels;
REVOKE ALL ON FUNCTION appliance.admit_labels(text) FROM PUBLIC, labeling;

-- Verify the monitor's context and admit this transaction, until it ends, to what the context allows.
CREATE FUNCTION appliance.admit(token text) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    payload text := translate(split_part(token, '.', 2), '-_', '+/');
BEGIN
    PERFORM appliance.admit_labels(token);
    UPDATE appliance.admitted
    SET groups = ARRAY(
        SELECT jsonb_array_elements_text(convert_from(decode(payload, 'base64'), 'UTF8')::jsonb->'groups')
    )
    WHERE backend = pg_backend_pid();
END $$;

-- The need-to-know groups of the subject for whom this transaction acts; none before admit().
CREATE FUNCTION appliance.groups() RETURNS text[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce((
        SELECT groups FROM appliance.admitted
        WHERE backend = pg_backend_pid() AND transaction = pg_current_xact_id_if_assigned()
    ), '{}')
$$;

REVOKE ALL ON FUNCTION appliance.admit(text), appliance.groups() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION appliance.admit(text), appliance.groups() TO labeling;

ALTER TABLE labeling.projects ADD COLUMN need_to_know text CHECK (need_to_know ~ '^[a-z][a-z0-9-]{0,30}$');

-- Restrictive policies narrow what the label policies of 0002 permit, for every command.
CREATE POLICY need_to_know ON labeling.projects AS RESTRICTIVE
USING (need_to_know IS NULL OR need_to_know = ANY ((SELECT appliance.groups())::text[]));
CREATE POLICY need_to_know ON labeling.tasks AS RESTRICTIVE
USING (project_id IN (SELECT id FROM labeling.projects));
CREATE POLICY need_to_know ON labeling.preferences AS RESTRICTIVE
USING (task_id IN (SELECT id FROM labeling.tasks));
