-- The comparison after a rebuild, a province at a time: buckets under `low` are equal, those under `high` are asked for.
CREATE TABLE rebuild_regions (
    rebuild  bigint NOT NULL REFERENCES rebuilds,
    region   text NOT NULL,
    low      integer NOT NULL DEFAULT 0,
    high     integer NOT NULL DEFAULT 0,
    asked_us bigint NOT NULL DEFAULT 0,      -- when something was last asked for
    moved_us bigint NOT NULL DEFAULT 0,      -- when an answer was last seen
    is_over  boolean NOT NULL DEFAULT false, -- all compared, or given up
    PRIMARY KEY (rebuild, region)
);
CREATE INDEX rebuild_regions_open ON rebuild_regions (rebuild, region) WHERE NOT is_over;
