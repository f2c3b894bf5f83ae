-- Decisions that say what a record tells in truth: the fact they make, and which decision on which record it hangs on.
ALTER TABLE facts
    ADD COLUMN of_record  bytea,              -- NULL: no decision made it; its own record: it was missing
    ADD COLUMN of_version bigint;
CREATE INDEX facts_of_decisions ON facts (of_record) WHERE of_record IS NOT NULL;

ALTER TABLE retractions ADD COLUMN action text NOT NULL DEFAULT 'retract';
UPDATE retractions SET action = 'stand' WHERE NOT is_retracted;
