-- Uses and ledger in spans of time that are dropped whole; the request ids, whose uniqueness knows no time, in a table of
-- their own, pruned by age.

CREATE TABLE requests (
    platform         text NOT NULL,            -- who asked: platform, program and its request id
    program          text NOT NULL,
    request_id       bytea NOT NULL CHECK (octet_length(request_id) = 16),
    serial_hmac      bytea NOT NULL CHECK (octet_length(serial_hmac) = 32),
    requester_digest bytea NOT NULL CHECK (octet_length(requester_digest) = 32),
    scope            bigint NOT NULL,
    result_code      text NOT NULL,            -- the verdict: 0000 or 2xxx
    used_us          bigint NOT NULL,
    PRIMARY KEY (platform, program, request_id)
);
CREATE INDEX requests_by_time ON requests USING brin (used_us);
INSERT INTO requests 
    SELECT platform, program, request_id, serial_hmac, requester_digest, scope, result_code, used_us FROM uses;

ALTER TABLE uses RENAME TO uses_before;
ALTER INDEX uses_pkey RENAME TO uses_before_pkey;
ALTER INDEX uses_by_subject RENAME TO uses_before_by_subject;
CREATE TABLE uses (
    id          bytea NOT NULL CHECK (octet_length(id) = 16),   -- of the event too
    platform    text NOT NULL,
    program     text NOT NULL,
    subject     bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key bigint NOT NULL,
    serial_hmac bytea NOT NULL CHECK (octet_length(serial_hmac) = 32),
    app         text NOT NULL,
    scope       bigint NOT NULL,
    result_code text NOT NULL,
    flags       bigint NOT NULL,
    deadline_s  bigint NOT NULL,
    used_us     bigint NOT NULL
) PARTITION BY RANGE (used_us);
CREATE INDEX uses_by_subject ON uses (subject, used_us DESC, id DESC);

-- The deadline comes first so that old days go as partitions and code.verified can rebuild the table.
ALTER TABLE ledger RENAME TO ledger_before;
ALTER INDEX ledger_pkey RENAME TO ledger_before_pkey;
CREATE TABLE ledger (
    deadline_s  bigint NOT NULL,
    serial_hmac bytea NOT NULL CHECK (octet_length(serial_hmac) = 32),
    used_us     bigint NOT NULL,
    PRIMARY KEY (deadline_s, serial_hmac)
) PARTITION BY RANGE (deadline_s);

-- The partitions of spans first … last of a table, as far as they are not there; span i holds the values from i * span up to
-- (i + 1) * span, not including. One process at a time. How many were made.
CREATE FUNCTION make_spans(parent text, span bigint, first bigint, last bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    made bigint := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('phi.spans.' || current_schema() || '.' || parent, 0));
    FOR i IN first..last LOOP
        IF to_regclass(format('%I', parent || '_' || i)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)', parent || '_' || i, parent,
                           i * span, (i + 1) * span);
            made := made + 1;
        END IF;
    END LOOP;
    RETURN made;
END $$;

-- Drops the partitions of the spans before `first`. How many were dropped.
CREATE FUNCTION drop_spans(parent text, first bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    child text;
    dropped bigint := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('phi.spans.' || current_schema() || '.' || parent, 0));
    FOR child IN
        SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = to_regclass(format('%I', parent)) AND relname ~ ('^' || parent || '_[0-9]+$')
          AND substr(relname, length(parent) + 2)::bigint < first ORDER BY relname
    LOOP
        EXECUTE format('DROP TABLE %I', child);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;

-- What stood in the tables before: spans as wide as the program's (a week of uses in µs, a day of deadlines in s).
SELECT make_spans('uses', 604800000000, min(used_us) / 604800000000, max(used_us) / 604800000000) FROM uses_before
HAVING count(*) > 0;
INSERT INTO uses SELECT substr(sha256(convert_to(platform || '/' || program || '/', 'UTF8') || request_id), 1, 16),
    platform, program, subject, subject_key, serial_hmac, app, scope, result_code, flags, deadline_s, used_us
FROM uses_before;
SELECT make_spans('ledger', 86400, min(deadline_s) / 86400, max(deadline_s) / 86400) FROM ledger_before HAVING count(*) > 0;
INSERT INTO ledger SELECT * FROM ledger_before;
DROP TABLE uses_before, ledger_before;
