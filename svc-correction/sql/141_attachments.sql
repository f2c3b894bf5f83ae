-- What people attach to a case: sealed in chunks under the person's data key; an erasure deletes the chunks, the row and its digest stay
-- for the chain.
CREATE TABLE attachments (
    attachment_id bytea PRIMARY KEY CHECK (octet_length(attachment_id) = 16),
    case_id       bytea NOT NULL CHECK (octet_length(case_id) = 16),
    number        bigint NOT NULL,             -- of the case's, from 1
    type          text NOT NULL,
    size_bytes    bigint NOT NULL,             -- as it is handed out
    digest        bytea NOT NULL CHECK (octet_length(digest) = 32), -- SM3 of the sealed chunks, one after the other
    at_us         bigint NOT NULL
);
CREATE INDEX attachments_of_case ON attachments (case_id, number);

CREATE TABLE attachment_chunks (
    attachment_id bytea NOT NULL CHECK (octet_length(attachment_id) = 16),
    chunk         bigint NOT NULL,             -- from 0
    sealed        bytea NOT NULL,
    PRIMARY KEY (attachment_id, chunk)
);
ALTER TABLE attachment_chunks ALTER COLUMN sealed SET STORAGE EXTERNAL;
