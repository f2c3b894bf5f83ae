-- Who gave a consent: oneself, or who acts for the person under a mandate.
ALTER TABLE consents
    ADD COLUMN granted_by bytea CHECK (octet_length(granted_by) = 16),
    ADD COLUMN given_by   text NOT NULL DEFAULT 'self';
CREATE INDEX consents_by_subject ON consents (subject, recorded_us);
CREATE INDEX intake_by_subject ON intake (subject, recorded_us);
