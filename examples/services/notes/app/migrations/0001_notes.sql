CREATE SCHEMA notes;

CREATE TABLE notes.notes (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    label_id integer NOT NULL REFERENCES appliance.labels,
    text     text NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
    author   text NOT NULL DEFAULT appliance.subject(),
    written  timestamptz NOT NULL DEFAULT now()
);

SELECT appliance.confine('notes.notes');

GRANT USAGE ON SCHEMA notes TO notes;
GRANT SELECT, INSERT ON notes.notes TO notes;
