-- Who used which code, and the one-time ledger. Serials stand here as HMACs under the province's key.
CREATE TABLE uses (
    platform         text NOT NULL,            -- who asked: platform, program and its request id
    program          text NOT NULL,
    request_id       bytea NOT NULL CHECK (octet_length(request_id) = 16),
    code_digest      bytea NOT NULL CHECK (octet_length(code_digest) = 32),
    requester_digest bytea NOT NULL CHECK (octet_length(requester_digest) = 32),
    subject          bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key      bigint NOT NULL,
    serial_hmac      bytea NOT NULL CHECK (octet_length(serial_hmac) = 32),
    app              text NOT NULL,
    scope            bigint NOT NULL,
    result_code      text NOT NULL,            -- the verdict: 0000 or 2xxx
    flags            bigint NOT NULL,
    deadline_s       bigint NOT NULL,
    used_us          bigint NOT NULL,
    PRIMARY KEY (platform, program, request_id)
);
CREATE INDEX uses_by_subject ON uses (subject, used_us DESC);

-- The deadline comes first so that old days go as partitions and code.verified can rebuild the table.
CREATE TABLE ledger (
    deadline_s  bigint NOT NULL,
    serial_hmac bytea NOT NULL CHECK (octet_length(serial_hmac) = 32),
    used_us     bigint NOT NULL,
    PRIMARY KEY (deadline_s, serial_hmac)
);
