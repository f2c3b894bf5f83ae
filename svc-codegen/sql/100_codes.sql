-- Applications to use codes (service 1000) and the consent records behind minted codes (service 2000).
CREATE TABLE applications (
    application_id   bytea PRIMARY KEY CHECK (octet_length(application_id) = 16),
    app_id           text NOT NULL,
    subject          bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key      smallint NOT NULL,
    scene            text NOT NULL,
    challenge        bytea NOT NULL CHECK (octet_length(challenge) = 16),
    created_us       bigint NOT NULL,
    usable_until_us  bigint NOT NULL,
    term_until_us    bigint NOT NULL
);
CREATE INDEX applications_by_term ON applications (term_until_us);

CREATE TABLE codes (
    serial_hmac      bytea PRIMARY KEY CHECK (octet_length(serial_hmac) = 32),
    application_id   bytea NOT NULL,
    subject          bytea NOT NULL CHECK (octet_length(subject) = 16),
    subject_key      smallint NOT NULL,
    key_set          smallint NOT NULL,
    scene            text NOT NULL,
    deadline_s       bigint NOT NULL,
    consent_digest   bytea NOT NULL CHECK (octet_length(consent_digest) = 32),
    consent_sealed   bytea NOT NULL,
    minted_us        bigint NOT NULL
);
CREATE INDEX codes_by_application ON codes (application_id);
