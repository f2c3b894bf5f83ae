-- Looks of auditors at consent records: one asks, stating by what law, another lets it happen, once.
CREATE TABLE consent_requests (
    request_id       bytea PRIMARY KEY CHECK (octet_length(request_id) = 16),
    serial_hmac      bytea NOT NULL CHECK (octet_length(serial_hmac) = 32),
    who              bytea NOT NULL CHECK (octet_length(who) = 32),       -- SM3 of issuer and account
    person           bytea NOT NULL CHECK (octet_length(person) = 16),
    unit             text NOT NULL,
    legal_reference  text NOT NULL,
    requested_us     bigint NOT NULL,
    until_us         bigint NOT NULL
);
CREATE INDEX consent_requests_until ON consent_requests (until_us);

-- What the person is shown, for as long as consent records are kept.
CREATE TABLE consent_looks (
    request_id       bytea PRIMARY KEY CHECK (octet_length(request_id) = 16),
    serial_hmac      bytea NOT NULL CHECK (octet_length(serial_hmac) = 32),
    subject          bytea NOT NULL CHECK (octet_length(subject) = 16),
    grantor          bytea CHECK (octet_length(grantor) = 16),
    consent_digest   bytea NOT NULL CHECK (octet_length(consent_digest) = 32),
    scene            text NOT NULL,
    asked_who        bytea NOT NULL CHECK (octet_length(asked_who) = 32),
    asked_unit       text NOT NULL,
    approved_who     bytea NOT NULL CHECK (octet_length(approved_who) = 32),
    approved_unit    text NOT NULL,
    legal_reference  text NOT NULL,
    requested_us     bigint NOT NULL,
    seen_us          bigint NOT NULL
);
CREATE INDEX consent_looks_by_subject ON consent_looks (subject, request_id);
CREATE INDEX consent_looks_by_grantor ON consent_looks (grantor, request_id);
CREATE INDEX consent_looks_by_code ON consent_looks (serial_hmac, request_id);
CREATE INDEX consent_looks_seen ON consent_looks (seen_us);
