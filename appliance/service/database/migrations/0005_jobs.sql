-- Restrictions (markings.Restriction) as numbers, and the queue of jobs, whose keys begin with them (docs/adr/0150, 0151).
CREATE TABLE appliance.restriction (
    id         integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    label_id   integer NOT NULL REFERENCES appliance.labels,
    groups     text[] NOT NULL,
    controlled boolean NOT NULL,
    UNIQUE (label_id, groups, controlled)
);
ALTER TABLE appliance.restriction ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
-- Functions of the owner add restrictions and move jobs on without knowing whose they are.
CREATE POLICY owner ON appliance.restriction TO CURRENT_USER USING (true) WITH CHECK (true);

-- The numbers of the restrictions that the subject of this transaction may read; none before admit().
CREATE FUNCTION appliance.readable_restrictions() RETURNS integer[]
LANGUAGE sql STABLE PARALLEL RESTRICTED SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(array_agg(id), '{}') FROM appliance.restriction
    WHERE label_id = ANY ((SELECT appliance.readable())::integer[])
      AND groups <@ (SELECT appliance.groups())
$$;
CREATE POLICY readable ON appliance.restriction FOR SELECT
    USING (id = ANY ((SELECT appliance.readable_restrictions())::integer[]));

-- The number of a restriction under which the subject of this transaction may write; it is added if it is new.
CREATE FUNCTION appliance.restriction_id(encoding text) RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    parts text[] := string_to_array(encoding, '|');
    label integer;
    own   text[];
    found integer;
BEGIN
    IF NOT appliance.can_read(encoding) THEN  -- refuses what is no encoded restriction
        RAISE EXCEPTION 'this subject may not write under this restriction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    label := appliance.label_id(parts[1]);
    IF NOT label = ANY (appliance.writable()) THEN
        RAISE EXCEPTION 'this transaction may not write at this label' USING ERRCODE = 'insufficient_privilege';
    END IF;
    own := ARRAY(SELECT DISTINCT one FROM unnest(string_to_array(parts[2], ',')) AS one ORDER BY one);
    INSERT INTO appliance.restriction (label_id, groups, controlled) VALUES (label, own, parts[3] = 'OC')
    ON CONFLICT DO NOTHING;
    SELECT id INTO STRICT found FROM appliance.restriction AS r
    WHERE r.label_id = label AND r.groups = own AND r.controlled = (parts[3] = 'OC');
    RETURN found;
END $$;

CREATE TABLE appliance.job (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    id             uuid NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    kind           text NOT NULL CHECK (kind ~ '^[a-z][a-z-]{0,39}$'),
    resource       text NOT NULL CHECK (resource ~ '^[a-z][a-z-]{0,39}$'),
    priority       smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
    state          text NOT NULL DEFAULT 'queued'
                   CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
    subject        text NOT NULL,
    spec           jsonb NOT NULL CHECK (length(spec::text) <= 1000000),
    job_grant      text NOT NULL,
    attempts       smallint NOT NULL DEFAULT 0,
    most_attempts  smallint NOT NULL CHECK (most_attempts BETWEEN 1 AND 20),
    done           bigint NOT NULL DEFAULT 0,
    total          bigint,
    message        text NOT NULL DEFAULT '' CHECK (length(message) <= 2000),
    result         jsonb,
    cancelled_by   text,
    queued         timestamptz NOT NULL DEFAULT now(),
    started        timestamptz,
    finished       timestamptz,
    not_before     timestamptz NOT NULL DEFAULT now(),
    claim          uuid,
    lease          timestamptz,
    PRIMARY KEY (restriction_id, id)
);
CREATE INDEX job_page ON appliance.job (restriction_id, queued DESC, id);
CREATE INDEX job_own ON appliance.job (restriction_id, subject) WHERE state = 'queued';
-- For workers, which look across restrictions and see nothing but what claim_job returns.
CREATE INDEX job_waiting ON appliance.job (resource, priority DESC, queued, id) WHERE state = 'queued';
CREATE INDEX job_running ON appliance.job (resource, lease) WHERE state = 'running';
ALTER TABLE appliance.job ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY readable ON appliance.job FOR SELECT
    USING (restriction_id = ANY ((SELECT appliance.readable_restrictions())::integer[]));
CREATE POLICY owner ON appliance.job TO CURRENT_USER USING (true) WITH CHECK (true);

-- Put a job into the queue for the subject of this transaction, whose grant it runs under.
CREATE FUNCTION appliance.submit_job(
    job uuid, restriction text, kind text, resource text, priority integer, attempts integer, spec jsonb, job_grant text
) RETURNS void
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    place integer := appliance.restriction_id(restriction);
    who   text := appliance.subject();
BEGIN
    IF appliance.action() IS DISTINCT FROM 'job' THEN
        RAISE EXCEPTION 'only a request that the access policy calls a job starts one' USING ERRCODE = 'insufficient_privilege';
    END IF;
    -- Of their own jobs alone: what others queue changes nothing. The lock makes two requests of one person count.
    PERFORM pg_advisory_xact_lock(hashtextextended('appliance.job ' || who, 0));
    IF (SELECT count(*) FROM appliance.job AS waiting
        WHERE waiting.restriction_id = ANY (appliance.readable_restrictions())
          AND waiting.subject = who AND waiting.state = 'queued') >= 20 THEN
        RAISE EXCEPTION 'you have 20 waiting jobs already' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    DELETE FROM appliance.job AS old WHERE (old.restriction_id, old.id) IN (
        SELECT o.restriction_id, o.id FROM appliance.job AS o
        WHERE o.restriction_id = place AND o.queued < now() - interval '90 days'
          AND o.state NOT IN ('queued', 'running')
        ORDER BY o.queued LIMIT 100
    );
    INSERT INTO appliance.job (restriction_id, id, label_id, kind, resource, priority, subject, spec, job_grant, most_attempts)
    SELECT place, submit_job.job, r.label_id, submit_job.kind, submit_job.resource, submit_job.priority, who,
           submit_job.spec, submit_job.job_grant, submit_job.attempts
    FROM appliance.restriction AS r WHERE r.id = place;
END $$;

-- Queue a job again that ended, under a new grant of the person who began it.
CREATE FUNCTION appliance.resubmit_job(job uuid, spec jsonb, job_grant text) RETURNS boolean
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH changed AS (
        UPDATE appliance.job SET state = 'queued', spec = resubmit_job.spec, job_grant = resubmit_job.job_grant,
            attempts = 0, message = '', result = NULL, cancelled_by = NULL, finished = NULL, not_before = now(),
            claim = NULL, lease = NULL
        WHERE restriction_id = ANY (appliance.readable_restrictions()) AND label_id = ANY (appliance.writable())
          AND id = resubmit_job.job AND subject = appliance.subject() AND appliance.action() = 'job'
          AND state NOT IN ('queued', 'running')
        RETURNING 1
    ) SELECT EXISTS (SELECT FROM changed)
$$;

-- Cancel a job: one that waits ends, one that runs is asked to. Its state after that; null if there is none to cancel.
CREATE FUNCTION appliance.cancel_job(job uuid) RETURNS text
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE appliance.job SET
        cancelled_by = appliance.subject(),
        state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
        finished = CASE state WHEN 'queued' THEN now() END,
        job_grant = CASE state WHEN 'queued' THEN '' ELSE job_grant END,
        message = CASE state WHEN 'queued' THEN 'cancelled before it began' ELSE message END
    WHERE restriction_id = ANY (appliance.readable_restrictions()) AND label_id = ANY (appliance.writable())
      AND id = cancel_job.job AND state IN ('queued', 'running')
    RETURNING state
$$;

-- Jobs whose worker is gone: tried again, or interrupted if that was their last attempt.
CREATE FUNCTION appliance.recover_jobs(of_resource text, at_once boolean) RETURNS bigint
LANGUAGE sql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH lost AS (
        SELECT restriction_id, id FROM appliance.job
        WHERE resource = of_resource AND state = 'running' AND (at_once OR lease < clock_timestamp())
        FOR UPDATE SKIP LOCKED
    ), changed AS (
        UPDATE appliance.job AS job SET
            state = CASE WHEN cancelled_by IS NOT NULL THEN 'cancelled'
                         WHEN attempts < most_attempts THEN 'queued' ELSE 'interrupted' END,
            message = CASE WHEN attempts < most_attempts THEN '' ELSE 'the service was stopped while the job ran' END,
            finished = CASE WHEN attempts < most_attempts AND cancelled_by IS NULL THEN NULL ELSE now() END,
            job_grant = CASE WHEN attempts < most_attempts AND cancelled_by IS NULL THEN job_grant ELSE '' END,
            claim = NULL, lease = NULL
        FROM lost WHERE (job.restriction_id, job.id) = (lost.restriction_id, lost.id)
        RETURNING 1
    ) SELECT count(*) FROM changed
$$;

-- The next job of a resource class, for a worker that sees of it nothing else before it has a fresh context for it.
CREATE FUNCTION appliance.claim_job(of_resource text, seconds integer)
RETURNS TABLE (restriction_id integer, id uuid, label text, claim uuid, attempt integer, job_grant text)
LANGUAGE plpgsql VOLATILE STRICT SECURITY DEFINER SET search_path = pg_catalog AS $$
#variable_conflict use_column
BEGIN
    PERFORM appliance.recover_jobs(of_resource, false);
    RETURN QUERY
    UPDATE appliance.job AS job SET
        state = 'running', attempts = job.attempts + 1, claim = gen_random_uuid(), message = '',
        started = coalesce(job.started, now()), lease = clock_timestamp() + make_interval(secs => seconds)
    FROM (
        SELECT waiting.restriction_id, waiting.id FROM appliance.job AS waiting
        WHERE waiting.resource = of_resource AND waiting.state = 'queued' AND waiting.not_before <= clock_timestamp()
        ORDER BY waiting.priority DESC, waiting.queued, waiting.id
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS next, appliance.labels
    WHERE (job.restriction_id, job.id) = (next.restriction_id, next.id) AND labels.id = job.label_id
    RETURNING job.restriction_id, job.id, labels.encoding, job.claim, job.attempts::integer, job.job_grant;
END $$;

-- Say that a claimed job goes on, and how far it is. Whether somebody cancelled it; null if the claim is lost.
CREATE FUNCTION appliance.keep_job(place integer, job uuid, own_claim uuid, seconds integer, so_far bigint, of_all bigint)
RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    UPDATE appliance.job SET lease = clock_timestamp() + make_interval(secs => seconds), done = so_far, total = of_all
    WHERE restriction_id = place AND id = keep_job.job AND claim = own_claim AND state = 'running'
    RETURNING cancelled_by IS NOT NULL
$$;

-- End a claimed job; `queued` gives it back, to be tried after some seconds while attempts are left, and `released` gives
-- it back as if it had not been begun. Its state after that.
CREATE FUNCTION appliance.end_job(
    place integer, job uuid, own_claim uuid, ended text, why text, outcome jsonb, pause integer
) RETURNS text
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH now_is AS (
        SELECT restriction_id, id, CASE WHEN ended NOT IN ('queued', 'released') THEN ended
                                        WHEN cancelled_by IS NOT NULL THEN 'cancelled'
                                        WHEN attempts < most_attempts OR ended = 'released' THEN 'queued'
                                        ELSE 'failed' END AS state
        FROM appliance.job
        WHERE restriction_id = place AND id = end_job.job AND claim = own_claim AND state = 'running'
        FOR UPDATE
    )
    UPDATE appliance.job AS job SET
        state = now_is.state, message = left(why, 2000), result = outcome, claim = NULL, lease = NULL,
        attempts = attempts - (ended = 'released')::integer,
        finished = CASE WHEN now_is.state <> 'queued' THEN now() END,
        not_before = now() + make_interval(secs => pause),
        job_grant = CASE WHEN now_is.state <> 'queued' THEN '' ELSE job.job_grant END
    FROM now_is WHERE (job.restriction_id, job.id) = (now_is.restriction_id, now_is.id)
    RETURNING job.state
$$;

REVOKE ALL ON FUNCTION appliance.readable_restrictions(), appliance.restriction_id(text),
    appliance.submit_job(uuid, text, text, text, integer, integer, jsonb, text),
    appliance.resubmit_job(uuid, jsonb, text), appliance.cancel_job(uuid), appliance.recover_jobs(text, boolean),
    appliance.claim_job(text, integer), appliance.keep_job(integer, uuid, uuid, integer, bigint, bigint),
    appliance.end_job(integer, uuid, uuid, text, text, jsonb, integer) FROM PUBLIC;

DO $$
BEGIN
    EXECUTE format(
        'GRANT EXECUTE ON FUNCTION appliance.readable_restrictions(), appliance.restriction_id(text), '
        'appliance.submit_job(uuid, text, text, text, integer, integer, jsonb, text), '
        'appliance.resubmit_job(uuid, jsonb, text), appliance.cancel_job(uuid), appliance.recover_jobs(text, boolean), '
        'appliance.claim_job(text, integer), appliance.keep_job(integer, uuid, uuid, integer, bigint, bigint), '
        'appliance.end_job(integer, uuid, uuid, text, text, jsonb, integer) TO %1$I; '
        'GRANT SELECT (id, label_id, groups, controlled) ON appliance.restriction TO %1$I; '
        -- All but grant and claim.
        'GRANT SELECT (restriction_id, id, label_id, kind, resource, priority, state, subject, spec, attempts, '
        'most_attempts, done, total, message, result, cancelled_by, queued, started, finished) ON appliance.job TO %1$I',
        current_database()
    );
END $$;
