-- Labels in PostgreSQL: interned once, read through a set of identifiers that is computed once per session context.
-- Rows carry label_id; a policy filters by label_id = ANY((SELECT ...)::int[]). The result is exactly can_read.
CREATE SCHEMA IF NOT EXISTS appliance;

CREATE TABLE IF NOT EXISTS appliance.labels (
    id       integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    encoding text UNIQUE NOT NULL,
    level    smallint NOT NULL,
    need     text[] NOT NULL,
    rel      text[] NULL
);

-- Rank of a level; an unknown level is an error, never the lowest.
CREATE OR REPLACE FUNCTION appliance.level_rank(level text) RETURNS smallint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
    rank smallint := array_position(ARRAY['U', 'CUI', 'C', 'S', 'TS'], level) - 1;
BEGIN
    IF rank IS NULL THEN
        RAISE EXCEPTION 'level % is none of U, CUI, C, S, TS', quote_literal(level) USING ERRCODE = 'check_violation';
    END IF;
    RETURN rank;
END $$;

-- Identifier of the label with this encoding (markings.Label.encode), which is interned when it is new.
CREATE OR REPLACE FUNCTION appliance.label_id(encoding text) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    found integer;
    parts text[] := string_to_array(label_id.encoding, ';');
BEGIN
    SELECT labels.id INTO found FROM appliance.labels WHERE labels.encoding = label_id.encoding;
    IF found IS NOT NULL THEN
        RETURN found;
    END IF;
    IF label_id.encoding !~ '^(U|CUI|C|S|TS);([A-Z0-9_ -]+(,[A-Z0-9_ -]+)*)?;(\*|([A-Z]{3}(,[A-Z]{3})*)?)$' THEN
        RAISE EXCEPTION '% is no encoded label', quote_literal(label_id.encoding) USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO appliance.labels (encoding, level, need, rel)
    VALUES (
        label_id.encoding,
        appliance.level_rank(parts[1]),
        string_to_array(parts[2], ','),
        CASE parts[3] WHEN '*' THEN NULL ELSE string_to_array(parts[3], ',') END
    )
    ON CONFLICT ON CONSTRAINT labels_encoding_key DO NOTHING;
    SELECT labels.id INTO STRICT found FROM appliance.labels WHERE labels.encoding = label_id.encoding;
    RETURN found;
END $$;

-- Every label that a subject with this level, these controls and these nationalities may read.
CREATE OR REPLACE FUNCTION appliance.readable_labels(level text, need text[], nationalities text[]) RETURNS integer[]
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(labels.id ORDER BY labels.id), '{}')
    FROM appliance.labels
    WHERE labels.level <= appliance.level_rank(readable_labels.level)
      AND labels.need <@ readable_labels.need
      AND (labels.rel IS NULL
           OR (cardinality(readable_labels.nationalities) > 0 AND readable_labels.nationalities <@ labels.rel))
$$;

-- Who may call them is for the migration role to say.
REVOKE ALL ON FUNCTION appliance.level_rank(text), appliance.label_id(text),
    appliance.readable_labels(text, text[], text[]) FROM PUBLIC;
