-- Disputes that the unified platform handed over: each number is taken once, and belongs to a case that may have several.
CREATE TABLE handed (
    dispute_id bytea PRIMARY KEY CHECK (octet_length(dispute_id) = 16),
    case_id    bytea NOT NULL CHECK (octet_length(case_id) = 16)
);
CREATE INDEX handed_by_case ON handed (case_id);

-- The newest step that the unified platform was told; NULL: it is not concerned.
ALTER TABLE cases ADD COLUMN told_seq bigint;
CREATE INDEX cases_to_tell ON cases (case_id) WHERE told_seq < seq;
