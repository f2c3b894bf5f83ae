-- Erasures that were carried out here: up to which version of the person's data key texts are gone.
CREATE TABLE erasures (
    subject bytea NOT NULL CHECK (octet_length(subject) = 16),
    version bigint NOT NULL,
    PRIMARY KEY (subject, version)
);
