-- Which listing of its bucket an entry was last seen in: what a complete listing didn't name is gone.
ALTER TABLE entries ADD COLUMN heal bigint NOT NULL DEFAULT 0;
ALTER TABLE entries ADD CHECK (grade BETWEEN 0 AND 4 AND then_grade BETWEEN 0 AND 4);
-- A province's bucket is one range of it.
CREATE UNIQUE INDEX entries_by_region ON entries (region, subject);
CREATE SEQUENCE listings;

-- Each bucket of each province as it was last compared.
CREATE TABLE buckets (
    region       text NOT NULL,
    bucket       smallint NOT NULL CHECK (bucket BETWEEN 0 AND 4095),
    mark_version bigint NOT NULL DEFAULT 0,    -- of the last mark taken: older ones are dropped
    listing      bigint NOT NULL DEFAULT 0,    -- of the complete listing under way; 0: none
    compared_us  bigint NOT NULL DEFAULT 0,
    is_equal     boolean NOT NULL DEFAULT true,
    their_count  bigint NOT NULL DEFAULT 0,
    our_count    bigint NOT NULL DEFAULT 0,
    their_digest bytea,
    our_digest   bytea,
    asked_us     bigint NOT NULL DEFAULT 0,    -- when it was last asked for again
    asks         bigint NOT NULL DEFAULT 0,
    healed       bigint NOT NULL DEFAULT 0,    -- times that a difference went away
    PRIMARY KEY (region, bucket)
);
CREATE INDEX buckets_open ON buckets (region) WHERE listing > 0;

-- What came from each province, by partition and day (days since 1970, UTC).
CREATE TABLE intake (
    region    text NOT NULL,
    partition integer NOT NULL,
    day       bigint NOT NULL,
    taken     bigint NOT NULL DEFAULT 0,
    older     bigint NOT NULL DEFAULT 0,       -- of a version that was there already
    refused   bigint NOT NULL DEFAULT 0,
    behind    bigint NOT NULL DEFAULT 0,       -- records that were waiting
    record_us bigint NOT NULL DEFAULT 0,       -- time of the last record taken
    seen_us   bigint NOT NULL DEFAULT 0,       -- when it was taken
    PRIMARY KEY (region, partition, day)
);

-- Why records of a province were refused; the example says where, never what it held.
CREATE TABLE refusals (
    region  text NOT NULL,
    day     bigint NOT NULL,
    reason  text NOT NULL,
    count   bigint NOT NULL,
    last_us bigint NOT NULL,
    example text NOT NULL,
    PRIMARY KEY (region, day, reason)
);
