-- Facts by record, entries and history in a narrow form. All four are functions of the topics, which are read anew from
-- their beginnings.
DROP TABLE facts, retractions, entries, history;
DELETE FROM offsets;

CREATE TABLE facts (
    observed_us  bigint NOT NULL,
    recorded_us  bigint NOT NULL,
    known_us     bigint NOT NULL,             -- when it came here
    revision     bigint NOT NULL,
    subject_key  smallint NOT NULL,
    fact_id      bytea PRIMARY KEY CHECK (octet_length(fact_id) = 16),
    subject      bytea NOT NULL CHECK (octet_length(subject) = 16),
    record       bytea NOT NULL CHECK (octet_length(record) = 16), -- the same for all revisions of a record
    digest       bytea NOT NULL CHECK (octet_length(digest) = 16), -- keyed: same number, same content?
    event_key    bytea,                       -- what the source's schema says is one event; NULL: none
    source       text NOT NULL,               -- "declare.health": the topic's stream
    institution  text NOT NULL,
    record_no    text NOT NULL,
    content      text NOT NULL                -- coded members, canonical JSON
);
CREATE INDEX facts_by_subject ON facts (subject, observed_us DESC);
CREATE INDEX facts_by_record ON facts (record);

-- Decisions name a record, all its revisions, whether it has come yet or not; of several the highest version counts.
CREATE TABLE retractions (
    record           bytea NOT NULL CHECK (octet_length(record) = 16),
    subject          bytea NOT NULL CHECK (octet_length(subject) = 16), -- whose case: some revision must be theirs
    decision_version bigint NOT NULL,
    is_retracted     boolean NOT NULL,        -- false: the record stands
    source           text NOT NULL,
    institution      text NOT NULL,
    record_no        text NOT NULL,
    case_id          text NOT NULL,
    decided_us       bigint NOT NULL,
    known_us         bigint NOT NULL,
    PRIMARY KEY (record, decision_version, subject)
);

-- What an entry's two-byte reason codes stand for.
CREATE TABLE reason_codes (
    code    integer PRIMARY KEY CHECK (code BETWEEN 1 AND 65535),
    reason  text NOT NULL,
    rule    text NOT NULL,
    version bigint NOT NULL,
    UNIQUE (reason, rule, version)
);

-- One row a person, and itself the outbox: pending while published_version < version.
CREATE TABLE entries (
    version           bigint NOT NULL,
    published_version bigint NOT NULL DEFAULT 0,
    from_us           bigint NOT NULL,        -- since when this grade
    until_us          bigint NOT NULL,        -- 9223372036854775807: nothing ends it
    updated_us        bigint NOT NULL,
    sources_mask      integer NOT NULL,
    partition         smallint NOT NULL,      -- of the subject-keyed topics: whose owner publishes and grades it
    subject_key       smallint NOT NULL,
    grade             smallint NOT NULL,      -- order of strictness: 0 grey … 4 red
    then_grade        smallint NOT NULL,      -- after until_us, if nothing comes
    subject           bytea PRIMARY KEY CHECK (octet_length(subject) = 16),
    reasons           bytea NOT NULL          -- reason codes, two bytes each, big-endian
);
CREATE INDEX entries_pending ON entries (partition, version) WHERE published_version < version;
CREATE INDEX entries_due ON entries (partition, until_us) WHERE until_us < 9223372036854775807;

-- A period lasts until the person's next one begins. One that the clock began is known later than it began.
CREATE TABLE history (
    version  bigint NOT NULL,
    from_us  bigint NOT NULL,
    known_us bigint NOT NULL,
    grade    smallint NOT NULL,
    subject  bytea NOT NULL CHECK (octet_length(subject) = 16),
    reasons  bytea NOT NULL,                  -- as in entries; empty where only the grade is known
    PRIMARY KEY (subject, version)
);

-- People to grade anew for another reason than a fact of their own partition. No key: a mark that comes while an older
-- one is being worked off must stay.
CREATE TABLE due (
    partition smallint NOT NULL,
    after_us  bigint NOT NULL,
    subject   bytea NOT NULL CHECK (octet_length(subject) = 16),
    record    bytea                            -- also whom else its other revisions are about
);
CREATE INDEX due_in_order ON due (partition, after_us);

-- Which documents are one person's, as facts say so of each of the two; reversible.
CREATE TABLE links (
    revision  bigint NOT NULL,
    is_linked boolean NOT NULL,
    subject   bytea NOT NULL CHECK (octet_length(subject) = 16),
    other     bytea NOT NULL CHECK (octet_length(other) = 16),
    record    bytea NOT NULL CHECK (octet_length(record) = 16),
    PRIMARY KEY (subject, other, revision)
);
CREATE VIEW linked AS
    SELECT l.subject, l.other FROM links l WHERE l.is_linked
    AND NOT EXISTS (SELECT 1 FROM links h WHERE h.subject = l.subject AND h.other = l.other AND h.revision > l.revision)
    AND NOT COALESCE((SELECT d.is_retracted FROM retractions d WHERE d.record = l.record
                      ORDER BY d.decision_version DESC LIMIT 1), false);

-- As whom the apps that a person used know them: an HMAC of the app's own number. For notices.
CREATE TABLE customers (
    subject  bytea NOT NULL CHECK (octet_length(subject) = 16),
    customer bytea NOT NULL CHECK (octet_length(customer) = 16),
    app      text NOT NULL,
    PRIMARY KEY (subject, app)
);
