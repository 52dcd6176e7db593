CREATE SCHEMA notes;

CREATE TABLE notes.notes (
    id           bigint GENERATED ALWAYS AS IDENTITY,
    label_id     integer NOT NULL REFERENCES appliance.labels,
    need_to_know text,
    author       text NOT NULL DEFAULT appliance.subject(),
    body         text NOT NULL,
    PRIMARY KEY (label_id, id)
);
SELECT appliance.confine('notes.notes', 'need_to_know');

GRANT USAGE ON SCHEMA notes TO notes;
GRANT SELECT, INSERT, UPDATE, DELETE ON notes.notes TO notes;
