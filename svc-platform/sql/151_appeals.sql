-- Refused cases that came to the unified platform: what their province told, sealed where it is personal, and what two officers
-- said. The record is emptied once the decision was carried out.
CREATE TABLE appeals (
    region          text NOT NULL,
    case_id         bytea NOT NULL CHECK (octet_length(case_id) = 16),
    state           text NOT NULL,               -- lodged, proposed, decided, carried-out
    source          text NOT NULL,
    matter          text NOT NULL,
    lodged_us       bigint NOT NULL,
    changed_us      bigint NOT NULL,
    record          text NOT NULL,               -- as it came on dispute.up
    seq             bigint NOT NULL DEFAULT 0,   -- of the newest step here
    decision        text NOT NULL DEFAULT '',    -- proposed, or decided: uphold, overturn
    reason          text NOT NULL DEFAULT '',
    proposer        bytea,                       -- SM3 of issuer and sub
    proposer_unit   text NOT NULL DEFAULT '',
    proposer_sealed text NOT NULL DEFAULT '',    -- who that is, sealed to the province
    PRIMARY KEY (region, case_id)
);
CREATE INDEX appeals_by_state ON appeals (state, lodged_us);

CREATE TABLE appeal_steps (
    region   text NOT NULL,
    case_id  bytea NOT NULL,
    seq      bigint NOT NULL,
    at_us    bigint NOT NULL,
    step     text NOT NULL,
    decision text NOT NULL,
    reason   text NOT NULL,
    unit     text NOT NULL,
    officer  bytea,                              -- SM3 of issuer and sub; NULL: the suite
    PRIMARY KEY (region, case_id, seq)
);
