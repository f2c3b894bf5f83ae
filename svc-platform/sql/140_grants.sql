-- Grants of institutions: who may ask for grades in batches, of which regions, for what purpose, by whose word.
CREATE TABLE grants (
    grant_id   text PRIMARY KEY,
    app        text NOT NULL,
    purpose    text NOT NULL,
    legal      text NOT NULL,                 -- the legal reference
    regions    text NOT NULL,                 -- with commas between
    fields     text NOT NULL,                 -- with commas between: grade, time
    people_max bigint NOT NULL CHECK (people_max > 0), -- a day
    until_us   bigint NOT NULL,
    at_us      bigint NOT NULL,
    officer    bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit       text NOT NULL
);

-- approve, end: each once a grant.
CREATE TABLE grant_steps (
    grant_id text NOT NULL,
    step     text NOT NULL,
    officer  bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit     text NOT NULL,
    at_us    bigint NOT NULL,
    PRIMARY KEY (grant_id, step)
);

-- How many people were asked about on a day (days since 1970, UTC).
CREATE TABLE grant_days (
    grant_id text NOT NULL REFERENCES grants,
    day      bigint NOT NULL,
    people   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (grant_id, day)
);

-- Every batch, in counts; the digest of the signed request, so that none counts twice.
CREATE TABLE grant_queries (
    request  bytea PRIMARY KEY CHECK (octet_length(request) = 32),
    grant_id text NOT NULL REFERENCES grants,
    at_us    bigint NOT NULL,
    lines    bigint NOT NULL,
    accepted bigint NOT NULL
);
CREATE INDEX grant_queries_of ON grant_queries (grant_id, at_us);
