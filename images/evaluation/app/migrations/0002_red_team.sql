-- Attempts of a red team on a model: a conversation, two ratings that are blind to each other, a decision where they differ,
-- and the history of the finding (docs/adr/0173-red-team.md).
CREATE TABLE evaluation.attempt (
    restriction_id integer NOT NULL REFERENCES appliance.restriction,
    id             uuid NOT NULL DEFAULT gen_random_uuid(),
    label_id       integer NOT NULL REFERENCES appliance.labels,
    model          text NOT NULL CHECK (length(model) BETWEEN 1 AND 100),
    goal           text NOT NULL CHECK (goal ~ '^[a-z-]{1,40}$'),
    system         text NOT NULL CHECK (length(system) <= 10000),
    secret         text NOT NULL CHECK (length(secret) <= 100),
    turns          json NOT NULL DEFAULT '[]' CHECK (length(turns::text) <= 2000000),
    claim          text NOT NULL DEFAULT '' CHECK (length(claim) <= 2000),
    evidence       text NOT NULL DEFAULT '' CHECK (length(evidence) <= 2000),
    rated          smallint NOT NULL DEFAULT 0 CHECK (rated BETWEEN 0 AND 2),
    made_by        text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    submitted      timestamptz,
    PRIMARY KEY (restriction_id, id)
);

CREATE TABLE evaluation.rating (
    restriction_id integer NOT NULL,
    attempt_id     uuid NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    rater          text NOT NULL DEFAULT appliance.subject(),
    succeeded      boolean NOT NULL,
    severity       smallint NOT NULL CHECK (severity BETWEEN 0 AND 3),
    comment        text NOT NULL CHECK (length(comment) <= 2000),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, attempt_id, rater),
    FOREIGN KEY (restriction_id, attempt_id) REFERENCES evaluation.attempt
);

CREATE TABLE evaluation.decision (
    restriction_id integer NOT NULL,
    attempt_id     uuid NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    decided_by     text NOT NULL DEFAULT appliance.subject(),
    succeeded      boolean NOT NULL,
    severity       smallint NOT NULL CHECK (severity BETWEEN 0 AND 3),
    comment        text NOT NULL CHECK (length(comment) BETWEEN 1 AND 2000),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, attempt_id),
    FOREIGN KEY (restriction_id, attempt_id) REFERENCES evaluation.attempt
);

CREATE TABLE evaluation.finding (
    restriction_id integer NOT NULL,
    attempt_id     uuid NOT NULL,
    label_id       integer NOT NULL REFERENCES appliance.labels,
    number         integer NOT NULL CHECK (number > 0),
    severity       smallint NOT NULL CHECK (severity BETWEEN 0 AND 3),
    state          text NOT NULL CHECK (state IN ('open', 'mitigated', 'accepted', 'closed')),
    note           text NOT NULL CHECK (length(note) <= 2000),
    made_by        text NOT NULL DEFAULT appliance.subject(),
    created        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (restriction_id, attempt_id, number),
    FOREIGN KEY (restriction_id, attempt_id) REFERENCES evaluation.attempt
);

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['attempt', 'rating', 'decision', 'finding'] LOOP
        PERFORM appliance.confine(format('evaluation.%I', name)::regclass);
        EXECUTE format('CREATE POLICY restricted ON evaluation.%I AS RESTRICTIVE USING '
                       '(restriction_id = ANY ((SELECT appliance.readable_restrictions())::integer[]))', name);
    END LOOP;
END $$;

-- A conversation is its attacker's until they submit it; then it does not change any more but for its count of ratings.
CREATE POLICY own_until_submitted ON evaluation.attempt AS RESTRICTIVE FOR SELECT
USING (submitted IS NOT NULL OR made_by = (SELECT appliance.subject()));
CREATE POLICY own ON evaluation.attempt AS RESTRICTIVE FOR INSERT WITH CHECK (made_by = (SELECT appliance.subject()));
CREATE POLICY own_or_rated ON evaluation.attempt AS RESTRICTIVE FOR UPDATE
USING (CASE WHEN submitted IS NULL THEN made_by = (SELECT appliance.subject())
       ELSE (SELECT appliance.action()) = 'review' END)
WITH CHECK (made_by = (SELECT appliance.subject()) OR (SELECT appliance.action()) = 'review');
-- Raters are blind to each other until both have rated, and rate no attempt of their own.
CREATE POLICY blind ON evaluation.rating AS RESTRICTIVE FOR SELECT
USING (rater = (SELECT appliance.subject()) OR EXISTS (
    SELECT FROM evaluation.attempt AS a
    WHERE a.restriction_id = rating.restriction_id AND a.id = rating.attempt_id AND a.rated = 2));
CREATE POLICY not_the_attacker ON evaluation.rating AS RESTRICTIVE FOR INSERT
WITH CHECK (rater = (SELECT appliance.subject()) AND (SELECT appliance.action()) = 'review' AND EXISTS (
    SELECT FROM evaluation.attempt AS a
    WHERE a.restriction_id = rating.restriction_id AND a.id = rating.attempt_id
      AND a.submitted IS NOT NULL AND a.made_by <> rating.rater AND a.rated < 2));
CREATE POLICY a_third ON evaluation.decision AS RESTRICTIVE FOR INSERT
WITH CHECK (decided_by = (SELECT appliance.subject()) AND (SELECT appliance.action()) = 'review' AND EXISTS (
    SELECT FROM evaluation.attempt AS a
    WHERE a.restriction_id = decision.restriction_id AND a.id = decision.attempt_id
      AND a.rated = 2 AND a.made_by <> decision.decided_by)
    AND NOT EXISTS (
    SELECT FROM evaluation.rating AS r
    WHERE r.restriction_id = decision.restriction_id AND r.attempt_id = decision.attempt_id
      AND r.rater = decision.decided_by));
CREATE POLICY reviewed ON evaluation.finding AS RESTRICTIVE FOR INSERT
WITH CHECK (made_by = (SELECT appliance.subject()) AND (SELECT appliance.action()) = 'review');

GRANT SELECT, INSERT ON evaluation.attempt, evaluation.rating, evaluation.decision, evaluation.finding TO evaluation;
GRANT UPDATE (turns, claim, evidence, submitted, rated) ON evaluation.attempt TO evaluation;
