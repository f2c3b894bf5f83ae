-- When the data of a closed case was removed; 0: not yet.
ALTER TABLE cases ADD COLUMN emptied_us bigint NOT NULL DEFAULT 0;
CREATE INDEX cases_kept ON cases (opened_us) WHERE emptied_us = 0;
-- An officer's list by a state that few cases are in.
CREATE INDEX cases_by_state ON cases (state, opened_us DESC);
