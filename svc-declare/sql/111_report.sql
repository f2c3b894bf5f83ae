-- What was taken of each source and institution, as the institution asks for it to go on from there.
CREATE TABLE source_marks (
    source          text NOT NULL,
    institution     text NOT NULL,
    accepted        bigint NOT NULL DEFAULT 0,
    duplicates      bigint NOT NULL DEFAULT 0,
    rejected        bigint NOT NULL DEFAULT 0,
    conflicts       bigint NOT NULL DEFAULT 0,
    last_record_no  text,
    first_us        bigint NOT NULL,
    last_us         bigint NOT NULL,
    accepted_us     bigint,
    PRIMARY KEY (source, institution)
);

-- Rejected lines and letters: the path and the reason, never a value. The newest of each source and institution are kept.
CREATE TABLE source_problems (
    problem_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source          text NOT NULL,
    institution     text NOT NULL,
    record_no       text,
    field           text NOT NULL,
    reason          text NOT NULL,
    is_conflict     boolean NOT NULL,
    way             text NOT NULL,
    at_us           bigint NOT NULL
);
CREATE INDEX source_problems_of ON source_problems (source, institution, problem_id);
