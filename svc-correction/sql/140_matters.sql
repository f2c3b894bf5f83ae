-- What a case is about, as a word of the table of matters; and what a step proposes or brings beside its note: sealed like it,
-- its digest a part of the chain.
ALTER TABLE cases ADD COLUMN matter_kind text NOT NULL DEFAULT 'fact';
ALTER TABLE steps
    ADD COLUMN content_sealed bytea,
    ADD COLUMN content_digest bytea;                         -- SM3 of it as it was sealed; NULL: none
CREATE INDEX cases_corrected ON cases (subject, record_no) WHERE outcome IN ('retract', 'amend');
