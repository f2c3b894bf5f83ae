-- One act of two officers: every record of a source and institution within a time range is retracted.
CREATE TABLE retractions (
    retraction_id   bytea PRIMARY KEY CHECK (octet_length(retraction_id) = 16),
    source          text NOT NULL,
    institution     text NOT NULL,
    time_kind       text NOT NULL CHECK (time_kind IN ('observedAt', 'recordedAt')),
    from_us         bigint NOT NULL,
    to_us           bigint NOT NULL,
    reason          text NOT NULL,
    state           text NOT NULL CHECK (state IN ('proposed', 'approved', 'done')),
    records         bigint NOT NULL,
    told            bigint NOT NULL DEFAULT 0,
    proposed_by     bytea NOT NULL,
    proposed_unit   text NOT NULL,
    proposed_us     bigint NOT NULL,
    approved_by     bytea,
    approved_unit   text,
    approved_us     bigint,
    finished_us     bigint
);
CREATE INDEX retractions_open ON retractions (retraction_id) WHERE state = 'approved';

-- The records of an approved retraction, as they were known at its approval.
CREATE TABLE retraction_records (
    retraction_id   bytea NOT NULL REFERENCES retractions,
    record_no       text NOT NULL,
    subject         bytea NOT NULL CHECK (octet_length(subject) = 16),
    is_told         boolean NOT NULL DEFAULT false,
    PRIMARY KEY (retraction_id, record_no)
);
CREATE INDEX retraction_records_open ON retraction_records (retraction_id, record_no) WHERE NOT is_told;
CREATE INDEX intake_of_institution ON intake (region, source, institution, observed_us);
