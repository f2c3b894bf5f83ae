-- Facts and retractions are two grow-only sets; grades are a function of both. Personal text is sealed.
CREATE TABLE facts (
    fact_id      bytea PRIMARY KEY CHECK (octet_length(fact_id) = 16),
    subject      bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key  smallint NOT NULL,
    region       text NOT NULL,
    source       text NOT NULL,               -- "declare.health": the topic's stream
    institution  text NOT NULL,
    record_no    text NOT NULL,
    revision     bigint NOT NULL,
    digest       bytea NOT NULL CHECK (octet_length(digest) = 32), -- keyed: same number, same content?
    observed_us  bigint NOT NULL,
    recorded_us  bigint NOT NULL,
    known_us     bigint NOT NULL,             -- when it came here
    content      text NOT NULL,               -- coded members, canonical JSON
    UNIQUE (region, source, institution, record_no, revision)
);
CREATE INDEX facts_by_subject ON facts (subject, observed_us DESC);

CREATE TABLE people (
    subject         bytea PRIMARY KEY CHECK (octet_length(subject) = 16),
    subject_key     smallint NOT NULL,
    identity_sealed bytea NOT NULL,           -- {name, idType, idNo, country} under the health key
    is_declared     boolean NOT NULL,         -- by the person, under an identity token: outranks a report
    recorded_us     bigint NOT NULL
);

-- A retraction names a record, all its revisions, whether it has come yet or not.
CREATE TABLE retractions (
    subject          bytea NOT NULL CHECK (octet_length(subject) = 16),
    region           text NOT NULL,
    source           text NOT NULL,
    institution      text NOT NULL,
    record_no        text NOT NULL,
    decision_version bigint NOT NULL,
    case_id          text NOT NULL,
    decided_us       bigint NOT NULL,
    known_us         bigint NOT NULL,
    PRIMARY KEY (subject, region, source, institution, record_no)
);

-- One row a person, and itself the outbox: pending while published_version < version. Version 0 is a row that
-- its first transaction has locked and not yet filled.
CREATE TABLE entries (
    subject           bytea PRIMARY KEY CHECK (octet_length(subject) = 16),
    subject_key       smallint NOT NULL,
    partition         bigint NOT NULL,        -- of the subject-keyed topics: whose owner publishes it
    grade             smallint NOT NULL,      -- order of strictness: 0 grey … 4 red
    reasons           text NOT NULL,          -- [{"reason","rule","version"}]
    sources_mask      bigint NOT NULL,
    version           bigint NOT NULL,
    published_version bigint NOT NULL DEFAULT 0,
    from_us           bigint NOT NULL,        -- since when this grade
    updated_us        bigint NOT NULL
);
CREATE INDEX entries_pending ON entries (partition, version) WHERE published_version < version;

CREATE TABLE history (
    subject  bytea NOT NULL CHECK (octet_length(subject) = 16),
    version  bigint NOT NULL,
    grade    smallint NOT NULL,
    reasons  text NOT NULL,
    from_us  bigint NOT NULL,                 -- in force from …
    to_us    bigint,                          -- … up to; NULL while it is
    known_us bigint NOT NULL,
    PRIMARY KEY (subject, version)
);
