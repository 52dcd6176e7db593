-- Objects: files of any size, addressed by content within project and restriction (docs/adr/0152-objects.md).
-- The volume holds them encrypted, each under a key of its own, which opens with its row and is gone when it is erased.

-- A restriction that this subject may read, as text (markings.Restriction.encode).
CREATE FUNCTION appliance.restriction_encoding(restriction integer) RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT concat(labels.encoding, '|', array_to_string(r.groups, ','), '|', CASE WHEN r.controlled THEN 'OC' END)
    FROM appliance.restriction AS r JOIN appliance.labels ON labels.id = r.label_id
    WHERE r.id = restriction AND r.id = ANY (appliance.readable_restrictions())
$$;

CREATE TABLE appliance.object (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    project        uuid NOT NULL,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'checking', 'kept', 'refused', 'erased')),
    name           text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    media_type     text NOT NULL CHECK (media_type ~ '^[a-z]+/[a-z0-9.+-]{1,60}$'),
    size           bigint NOT NULL CHECK (size > 0),
    sha256         text CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    key            bytea CHECK (length(key) = 32),
    uses           integer NOT NULL DEFAULT 0 CHECK (uses >= 0),
    message        text NOT NULL DEFAULT '' CHECK (length(message) <= 2000),
    created_by     text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    changed        timestamptz NOT NULL DEFAULT now(),
    CHECK ((state IN ('open', 'checking', 'kept')) = (key IS NOT NULL)),
    PRIMARY KEY (restriction_id, project, id)
);
-- "Already there" is an answer about others: only within one restriction, where it is an answer about what one may read.
CREATE UNIQUE INDEX object_content ON appliance.object (restriction_id, project, sha256) WHERE state = 'kept';
CREATE INDEX object_page ON appliance.object (restriction_id, project, created DESC, id);

CREATE TABLE appliance.object_part (
    restriction_id integer NOT NULL,
    project        uuid NOT NULL,
    object         uuid NOT NULL,
    number         integer NOT NULL CHECK (number >= 0),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    sha256         text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (restriction_id, project, object, number),
    FOREIGN KEY (restriction_id, project, object) REFERENCES appliance.object ON DELETE CASCADE
);

-- Bytes that are reserved or used. Each project has room in each restriction for itself: what is hidden fills nothing.
CREATE TABLE appliance.object_space (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    project        uuid NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    used           bigint NOT NULL CHECK (used >= 0),
    PRIMARY KEY (restriction_id, project)
);

DO $$
DECLARE
    name text;
    readable CONSTANT text := 'restriction_id = ANY ((SELECT appliance.readable_restrictions())::integer[])';
    writable CONSTANT text := 'label_id = ANY ((SELECT appliance.writable())::integer[])';
BEGIN
    FOREACH name IN ARRAY ARRAY['object', 'object_part', 'object_space'] LOOP
        EXECUTE format('ALTER TABLE appliance.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY readable ON appliance.%I FOR SELECT USING (%s)', name, readable);
        EXECUTE format('CREATE POLICY writable ON appliance.%I FOR INSERT WITH CHECK (%s AND %s)', name, readable, writable);
        EXECUTE format('CREATE POLICY changeable ON appliance.%I FOR UPDATE USING (%s AND %s) WITH CHECK (%s AND %s)',
                       name, readable, writable, readable, writable);
        EXECUTE format('CREATE POLICY owner ON appliance.%I TO CURRENT_USER USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
-- A name in a plain row must not differ from what the restriction says, or a row could be hidden by its label alone.
CREATE FUNCTION appliance.label_of_restriction() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    SELECT label_id INTO STRICT new.label_id FROM appliance.restriction WHERE id = new.restriction_id;
    IF tg_op = 'UPDATE' AND (new.restriction_id, new.label_id) IS DISTINCT FROM (old.restriction_id, old.label_id) THEN
        RAISE EXCEPTION 'the restriction of a record never changes' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER label BEFORE INSERT OR UPDATE ON appliance.object
    FOR EACH ROW EXECUTE FUNCTION appliance.label_of_restriction();
CREATE TRIGGER label BEFORE INSERT OR UPDATE ON appliance.object_part
    FOR EACH ROW EXECUTE FUNCTION appliance.label_of_restriction();
CREATE TRIGGER label BEFORE INSERT OR UPDATE ON appliance.object_space
    FOR EACH ROW EXECUTE FUNCTION appliance.label_of_restriction();

-- Of folders on the volume, those that may go: of no object, or of one that is refused, erased, unused or was given up.
-- What it says of objects is that they are gone.
CREATE FUNCTION appliance.collect_objects(folders uuid[], minutes integer) RETURNS SETOF uuid
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    old timestamptz := now() - make_interval(mins => minutes);
BEGIN
    WITH gone AS (
        DELETE FROM appliance.object
        WHERE state IN ('open', 'checking') AND changed < old - interval '1 day'
           OR state = 'kept' AND uses = 0 AND changed < old
        RETURNING restriction_id, project, size
    ), freed AS (
        SELECT restriction_id, project, sum(size)::bigint AS size FROM gone GROUP BY restriction_id, project
    )
    UPDATE appliance.object_space AS space SET used = greatest(used - freed.size, 0)
    FROM freed WHERE (space.restriction_id, space.project) = (freed.restriction_id, freed.project);
    RETURN QUERY SELECT folder FROM unnest(folders) AS folder
        WHERE NOT EXISTS (SELECT FROM appliance.object WHERE id = folder AND key IS NOT NULL);
END $$;

REVOKE ALL ON FUNCTION appliance.restriction_encoding(integer), appliance.collect_objects(uuid[], integer), appliance.label_of_restriction() FROM PUBLIC;

DO $$
BEGIN
    EXECUTE format(
        'GRANT EXECUTE ON FUNCTION appliance.restriction_encoding(integer), '
        'appliance.collect_objects(uuid[], integer) TO %1$I; '
        'GRANT SELECT, INSERT ON appliance.object, appliance.object_part, appliance.object_space TO %1$I; '
        'GRANT UPDATE (state, sha256, key, uses, message, changed, media_type) ON appliance.object TO %1$I; '
        'GRANT UPDATE (sha256) ON appliance.object_part TO %1$I; '
        'GRANT UPDATE (used) ON appliance.object_space TO %1$I', current_database()
    );
END $$;
