-- Who applies for whom by what right, days of paper, and the code itself, to be given again.
ALTER TABLE applications
    ADD COLUMN applicant         bytea CHECK (octet_length(applicant) = 16),
    ADD COLUMN paper_days        smallint NOT NULL DEFAULT 0,
    ADD COLUMN mandate_until_us  bigint,
    ADD COLUMN behalf_sealed     bytea;
UPDATE applications SET applicant = subject;
ALTER TABLE applications ALTER COLUMN applicant SET NOT NULL;

ALTER TABLE codes
    ALTER COLUMN application_id DROP NOT NULL,
    ADD COLUMN app_id       text NOT NULL DEFAULT '',
    ADD COLUMN grantor      bytea CHECK (octet_length(grantor) = 16),
    ADD COLUMN flags        smallint NOT NULL DEFAULT 0,
    ADD COLUMN code_sealed  bytea;
DROP INDEX codes_by_application;
CREATE INDEX codes_by_application ON codes (application_id, minted_us);
CREATE INDEX codes_by_deadline ON codes (deadline_s);
