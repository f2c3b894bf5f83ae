-- What is revoked, here and by other platforms, until the last code that it meets is expired. No serials: ids.
CREATE TABLE revocations (
    platform   text NOT NULL,
    kind       text NOT NULL,                     -- code, key-set, subject
    id         bytea NOT NULL CHECK (octet_length(id) = 16),
    from_s     bigint NOT NULL,                   -- codes with a deadline in from … until, both included
    until_s    bigint NOT NULL,
    version    bigint NOT NULL,                   -- of the record on code.revoked
    who        bytea,                             -- digest of who revoked; null when it came over the topic
    kept_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (platform, kind, id, from_s)
);
CREATE INDEX revocations_by_time ON revocations (kept_at);
CREATE INDEX revocations_by_end ON revocations (until_s);
