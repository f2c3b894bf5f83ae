-- Callers that were cut off (7.4), until an operator restores them; every replica reads it.
CREATE TABLE cuts (
    caller      text NOT NULL,      -- platform/program/app
    cut_us      bigint NOT NULL,
    measure     text NOT NULL,      -- which bound was passed
    value       bigint NOT NULL,
    bound       bigint NOT NULL,
    restored_us bigint,
    PRIMARY KEY (caller, cut_us)
);
CREATE UNIQUE INDEX cuts_in_force ON cuts (caller) WHERE restored_us IS NULL;
