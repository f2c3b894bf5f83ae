-- Which units' officers looked at a case, and as what; the citizen sees it. One row an hour bounds it. `officer` is the first
-- one's digest, for auditors: nobody is shown it.
CREATE TABLE looks (
    case_id bytea NOT NULL CHECK (octet_length(case_id) = 16),
    hour_us bigint NOT NULL,           -- the hour's beginning
    unit    text NOT NULL,
    purpose text NOT NULL,             -- list, case
    officer bytea NOT NULL,            -- SM3 of issuer and sub
    count   bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (case_id, unit, purpose, hour_us)
);
