-- A rule set's way into force: a trial over all people, a second officer's word where many would turn red, an activation,
-- a sweep. Nothing here is ever deleted or, but for the counting, changed.
CREATE TABLE rule_trials (
    trial_id     bytea PRIMARY KEY CHECK (octet_length(trial_id) = 16),
    version      bigint NOT NULL,             -- the file's own
    base         bigint NOT NULL,             -- the activation it is compared with
    from_us      bigint NOT NULL,             -- when it is to be in force; 0: once it is published
    requested_us bigint NOT NULL,
    officer      bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit         text NOT NULL,
    content      text NOT NULL,               -- the rule file
    at_us        bigint NOT NULL DEFAULT 0,   -- the clock of the trial, once it has begun
    cursor       bytea NOT NULL DEFAULT '',   -- the last person compared
    report       text NOT NULL DEFAULT '',    -- what was counted so far
    done_us      bigint
);
CREATE INDEX rule_trials_open ON rule_trials (requested_us) WHERE done_us IS NULL;

-- cancel, approve, publish: each once a trial.
CREATE TABLE rule_steps (
    trial_id bytea NOT NULL CHECK (octet_length(trial_id) = 16),
    step     text NOT NULL,
    officer  bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit     text NOT NULL,
    at_us    bigint NOT NULL,
    PRIMARY KEY (trial_id, step)
);

-- In force at a moment: the highest number whose from_us is not after it. Number 0 is PHI_RULES_FILE and has no row.
CREATE TABLE rule_activations (
    number   bigint PRIMARY KEY CHECK (number > 0),
    trial_id bytea,                           -- NULL: PHI_RULES_FILE again
    back     bigint NOT NULL,                 -- the activation that a rollback of this one returns to
    from_us  bigint NOT NULL,
    officer  bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit     text NOT NULL,
    at_us    bigint NOT NULL
);

-- Everybody graded anew by what came into force, partition by partition.
CREATE TABLE rule_sweeps (
    number    bigint NOT NULL,
    partition smallint NOT NULL,
    cursor    bytea NOT NULL DEFAULT '',
    people    bigint NOT NULL DEFAULT 0,
    changed   bigint NOT NULL DEFAULT 0,
    done_us   bigint,
    PRIMARY KEY (number, partition)
);
