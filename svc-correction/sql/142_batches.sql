-- Of bad batches (svc-declare retracts them in one act of two officers): for whom svc-directory has said that it counts.
CREATE TABLE batch_people (
    batch_id bytea NOT NULL CHECK (octet_length(batch_id) = 16),
    subject  bytea NOT NULL CHECK (octet_length(subject) = 16),
    at_us    bigint NOT NULL,
    PRIMARY KEY (batch_id, subject)
);
