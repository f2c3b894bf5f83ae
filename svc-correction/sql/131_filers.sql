-- Who filed for somebody else, under which mandate: they see the case while it lasts, and never decide about that person.
CREATE TABLE filers (
    case_id    bytea NOT NULL CHECK (octet_length(case_id) = 16),
    filer      bytea NOT NULL CHECK (octet_length(filer) = 16),     -- subject index
    subject    bytea NOT NULL CHECK (octet_length(subject) = 16),   -- whom the case is about
    role       text NOT NULL,                                       -- guardian, worker
    issuer     text NOT NULL,                                       -- of the mandate
    mandate_id text NOT NULL,
    until_us   bigint NOT NULL,
    at_us      bigint NOT NULL,                                     -- when they filed first
    PRIMARY KEY (case_id, filer)
);
CREATE INDEX filers_own ON filers (filer, until_us);
CREATE INDEX filers_by_subject ON filers (subject, filer);
