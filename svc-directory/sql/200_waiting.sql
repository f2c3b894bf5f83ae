-- Decisions whose record has not come yet, about that person: they count as soon as it has, and then svc-correction is told.
ALTER TABLE retractions ADD COLUMN waits boolean NOT NULL DEFAULT false;
CREATE INDEX retractions_waiting ON retractions (subject) WHERE waits;
