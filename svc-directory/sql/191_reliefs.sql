-- Interim relief (docs/corrections.md): until when a record is set aside while a case about it runs. A set that only grows: of a case's
-- the highest version holds.
CREATE TABLE reliefs (
    record   bytea NOT NULL CHECK (octet_length(record) = 16),
    subject  bytea NOT NULL CHECK (octet_length(subject) = 16),
    case_id  text NOT NULL,
    version  bigint NOT NULL,
    until_us bigint NOT NULL,                  -- 0: ended
    known_us bigint NOT NULL,
    PRIMARY KEY (record, subject, case_id, version)
);
