-- A bad batch as one case (matter_kind 'batch', its subject is its own id): what svc-declare told of it, and how far svc-directory has got.
CREATE TABLE batches (
    batch_id bytea PRIMARY KEY CHECK (octet_length(batch_id) = 16),
    records  bigint NOT NULL DEFAULT 0,        -- as they were counted at the last act of an officer
    people   bigint NOT NULL DEFAULT 0,        -- whom they are about
    applied  bigint NOT NULL DEFAULT 0,        -- records of which svc-directory has said that the decision counts
    told     bigint NOT NULL DEFAULT 0         -- people whose apps it has told
);
INSERT INTO batches (batch_id, told) SELECT batch_id, count(*) FROM batch_people GROUP BY batch_id;

-- The records of which svc-directory has said so: a case about one of them ends with the batch.
CREATE TABLE batch_records (
    batch_id    bytea NOT NULL CHECK (octet_length(batch_id) = 16),
    subject     bytea NOT NULL CHECK (octet_length(subject) = 16),
    source      text NOT NULL,
    institution text NOT NULL,
    record_no   text NOT NULL,
    version     bigint NOT NULL,               -- of the decision
    at_us       bigint NOT NULL,
    waits       boolean NOT NULL,              -- the record has not come there yet
    swept       smallint NOT NULL DEFAULT 0,   -- how often open cases about it were looked for
    PRIMARY KEY (batch_id, subject, record_no)
);
CREATE INDEX batch_records_of ON batch_records (subject, record_no);
CREATE INDEX batch_records_to_sweep ON batch_records (swept, at_us) WHERE swept < 2 AND NOT waits;

-- The decision whose record has not come to svc-directory, as it last said; 0: none.
ALTER TABLE cases ADD COLUMN awaits_version bigint NOT NULL DEFAULT 0;
