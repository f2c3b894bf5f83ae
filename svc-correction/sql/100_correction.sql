-- Disputes: a case, its steps, its decision. Statements and notes are sealed under the health side's key.
CREATE TABLE cases (
    case_id          bytea PRIMARY KEY CHECK (octet_length(case_id) = 16),
    subject          bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key      bigint NOT NULL,
    matter           bytea NOT NULL CHECK (octet_length(matter) = 32),
    region           text NOT NULL,
    source           text NOT NULL,
    institution      text NOT NULL,
    record_no        text NOT NULL,
    state            text NOT NULL,
    statement_sealed bytea NOT NULL,
    opened_us        bigint NOT NULL,
    decision_version bigint NOT NULL,   -- 0 until decided
    decided_us       bigint NOT NULL
);
CREATE INDEX cases_by_subject ON cases (subject, opened_us DESC);
CREATE INDEX cases_by_source ON cases (region, source, state, opened_us DESC);

-- One open case for a matter (a person and a fact): a row here is what "open" means.
CREATE TABLE open_matters (
    matter  bytea PRIMARY KEY CHECK (octet_length(matter) = 32),
    case_id bytea NOT NULL
);

-- A case is decided once.
CREATE TABLE decisions (
    case_id          bytea PRIMARY KEY,
    decision         text NOT NULL,
    decision_version bigint NOT NULL,
    officer          bytea NOT NULL,    -- SM3 of issuer and sub
    unit             text NOT NULL,
    decided_us       bigint NOT NULL
);

CREATE TABLE steps (
    case_id     bytea NOT NULL,
    at_us       bigint NOT NULL,
    step        text NOT NULL,
    state       text NOT NULL,
    reason      text NOT NULL,          -- a word of the table of reasons, or empty
    note_sealed bytea,
    PRIMARY KEY (case_id, at_us, step)
);
