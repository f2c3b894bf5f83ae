-- The unified entry for disputes: what was handed to a province for a citizen, and how far it says that is. No text of anybody.
CREATE TABLE disputes (
    dispute_id  bytea PRIMARY KEY CHECK (octet_length(dispute_id) = 16),
    owner       bytea NOT NULL CHECK (octet_length(owner) = 32),   -- SM3 of the id token's issuer and account
    region      text NOT NULL,
    state       text NOT NULL,               -- accepted; not-taken; else the province's word
    filed_us    bigint NOT NULL,
    changed_us  bigint NOT NULL,
    letter      text NOT NULL,               -- sealed to the province; empty once it has answered
    next_us     bigint NOT NULL,             -- when it is handed over again
    answered_us bigint NOT NULL DEFAULT 0,   -- when the province first answered; 0: not yet
    case_id     bytea,
    seq         bigint NOT NULL DEFAULT 0,   -- of the newest step that is known here
    outcome     text NOT NULL DEFAULT '',
    reason      text NOT NULL DEFAULT '',
    due_us      bigint NOT NULL DEFAULT 0,   -- 0: nothing is due
    refusal     text NOT NULL DEFAULT ''     -- JSON: why the province did not take it
);
CREATE INDEX disputes_own ON disputes (owner, filed_us DESC);
CREATE INDEX disputes_to_hand ON disputes (next_us) WHERE next_us < 9223372036854775807;

CREATE TABLE dispute_steps (
    dispute_id bytea NOT NULL,
    seq        bigint NOT NULL,
    at_us      bigint NOT NULL,
    step       text NOT NULL,
    state      text NOT NULL,
    outcome    text NOT NULL,
    reason     text NOT NULL,
    PRIMARY KEY (dispute_id, seq)
);
