-- What was last told about each source with a rhythm: reference.sources, one row a record's key.
CREATE TABLE rhythms (
    source          text NOT NULL,
    institution     text NOT NULL,
    every_us        bigint NOT NULL,
    since_us        bigint NOT NULL,
    last_us         bigint NOT NULL,
    fresh_until_us  bigint NOT NULL,
    state           text NOT NULL CHECK (state IN ('heard', 'silent', 'ended')),
    version         bigint NOT NULL,
    updated_us      bigint NOT NULL,
    PRIMARY KEY (source, institution)
);
