-- Consents to collection: which notice, for what, when.
CREATE TABLE consents (
    consent_id      bytea PRIMARY KEY CHECK (octet_length(consent_id) = 16),
    subject         bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key     smallint NOT NULL,
    app_id          text NOT NULL,
    notice_version  text NOT NULL,
    purpose         text NOT NULL,
    recorded_us     bigint NOT NULL,
    withdrawn_us    bigint
);
CREATE INDEX consents_in_force ON consents (subject, purpose) WHERE withdrawn_us IS NULL;

-- Basic information, one row a person: name, document, address and the rest only in `sealed`.
CREATE TABLE basic (
    subject         bytea PRIMARY KEY CHECK (octet_length(subject) = 16),
    subject_key     smallint NOT NULL,
    app_id          text NOT NULL,
    region          text NOT NULL,
    sealed          bytea NOT NULL,
    updated_us      bigint NOT NULL
);

-- What citizens declared: coded members in `content`, personal text only in `sealed`.
CREATE TABLE declarations (
    fact_id         bytea PRIMARY KEY CHECK (octet_length(fact_id) = 16),
    subject         bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key     smallint NOT NULL,
    source          text NOT NULL,
    institution     text NOT NULL,
    record_no       text NOT NULL,
    revision        integer NOT NULL,
    content_digest  bytea NOT NULL CHECK (octet_length(content_digest) = 32),
    content         jsonb NOT NULL,
    sealed          bytea NOT NULL,
    observed_us     bigint NOT NULL,
    recorded_us     bigint NOT NULL
);
CREATE INDEX declarations_by_subject ON declarations (subject, observed_us);

-- What institutions reported: enough to know a record again, whatever the order and however often it comes.
CREATE TABLE intake (
    region          text NOT NULL,
    source          text NOT NULL,
    institution     text NOT NULL,
    record_no       text NOT NULL,
    revision        integer NOT NULL,
    content_digest  bytea NOT NULL CHECK (octet_length(content_digest) = 32),
    fact_id         bytea NOT NULL CHECK (octet_length(fact_id) = 16),
    subject         bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key     smallint NOT NULL,
    observed_us     bigint NOT NULL,
    recorded_us     bigint NOT NULL,
    PRIMARY KEY (region, source, institution, record_no, revision)
);
