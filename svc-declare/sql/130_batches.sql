-- A bad batch is one case at svc-correction, which is told each act of its officers (correction.batch). A proposal may end without
-- being carried out: withdrawn by who proposed, refused by another officer.
ALTER TABLE retractions
    DROP CONSTRAINT retractions_state_check,
    ADD CONSTRAINT retractions_state_check CHECK (state IN ('proposed', 'approved', 'done', 'refused', 'withdrawn')),
    ADD COLUMN people bigint NOT NULL DEFAULT 0;             -- of the records
-- When what the record tells of was: whether svc-directory still takes it in.
ALTER TABLE retraction_records ADD COLUMN observed_us bigint;
