-- A removal is a versioned entry too.
ALTER TABLE entries ADD COLUMN is_withdrawn boolean NOT NULL DEFAULT false;

-- Buckets that the nation asked for again; the owner of the bucket's partition lists them.
CREATE TABLE heal_requests (
    bucket       smallint PRIMARY KEY CHECK (bucket BETWEEN 0 AND 4095),
    version      bigint NOT NULL,             -- of the last request
    done_version bigint NOT NULL DEFAULT 0    -- of the last one that was answered
);
