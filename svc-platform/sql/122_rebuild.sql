-- The directory read anew from the topics: how far each partition is of where it was, then the comparison of all buckets.
CREATE TABLE rebuilds (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_us bigint NOT NULL,
    read_us    bigint NOT NULL DEFAULT 0       -- when all was read; 0: not yet
);
CREATE TABLE rebuild_parts (
    rebuild   bigint NOT NULL REFERENCES rebuilds,
    topic     text NOT NULL,
    partition integer NOT NULL,
    goal      bigint NOT NULL,                 -- where the partition stood before
    next      bigint NOT NULL DEFAULT 0,
    records   bigint NOT NULL DEFAULT 0,
    written   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (rebuild, topic, partition)
);
