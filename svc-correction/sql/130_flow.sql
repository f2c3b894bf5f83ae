-- The steps of a case: who moved it where, until when it may stay there, each step a link of the case's hash chain
-- (common/codes/chain.h). Steps of before have no link: a chain begins with the first that has one.
ALTER TABLE cases
    ADD COLUMN seq           bigint NOT NULL DEFAULT 0,      -- of the newest step
    ADD COLUMN head          bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (octet_length(head) = 32),
    ADD COLUMN due_us        bigint NOT NULL DEFAULT 9223372036854775807,
    ADD COLUMN level         bigint NOT NULL DEFAULT 0,      -- how often it was escalated in this state
    ADD COLUMN outcome       text NOT NULL DEFAULT '',       -- what is proposed, or was decided
    ADD COLUMN reason        text NOT NULL DEFAULT '',
    ADD COLUMN proposer      bytea,                          -- SM3 of issuer and sub
    ADD COLUMN proposer_unit text;
UPDATE cases SET outcome = CASE state WHEN 'retracted' THEN 'retract' ELSE 'refuse' END,
    state = CASE state WHEN 'retracted' THEN 'told' ELSE 'refused' END WHERE state IN ('retracted', 'refused');
CREATE INDEX cases_due ON cases (due_us) WHERE due_us < 9223372036854775807;

ALTER TABLE steps
    ADD COLUMN seq         bigint,
    ADD COLUMN outcome     text NOT NULL DEFAULT '',
    ADD COLUMN actor       bytea,                            -- SM3 of issuer and sub; NULL: the citizen, or the suite itself
    ADD COLUMN unit        text NOT NULL DEFAULT '',
    ADD COLUMN note_digest bytea,                            -- SM3 of the note as it was sealed; NULL: no note
    ADD COLUMN salt        bytea,
    ADD COLUMN digest      bytea,
    ADD COLUMN head        bytea;
UPDATE steps s SET seq = n.seq FROM (SELECT case_id, at_us, step, row_number() OVER (PARTITION BY case_id ORDER BY at_us, step) AS seq
    FROM steps) n WHERE n.case_id = s.case_id AND n.at_us = s.at_us AND n.step = s.step;
UPDATE cases c SET seq = n.seq FROM (SELECT case_id, max(seq) AS seq FROM steps GROUP BY case_id) n WHERE n.case_id = c.case_id;
ALTER TABLE steps DROP CONSTRAINT steps_pkey, ALTER COLUMN seq SET NOT NULL, ADD PRIMARY KEY (case_id, seq);

-- A case that was opened again is decided again.
ALTER TABLE decisions
    DROP CONSTRAINT decisions_pkey,
    ADD COLUMN proposer      bytea,
    ADD COLUMN proposer_unit text,
    ADD PRIMARY KEY (case_id, decision_version);
