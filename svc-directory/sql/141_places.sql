-- Published risks of places, the newest version of each list entry. A place is "r" and a region's six digits, or "p" and a
-- place's own id; low and high bound what an entry covers: of a region that ends in zeros, all below it.
CREATE TABLE places (
    version bigint NOT NULL,
    from_us bigint NOT NULL,
    to_us   bigint NOT NULL,                  -- not including; 9223372036854775807: until further notice
    risk    smallint NOT NULL,                -- 1 low … 3 high; 0: withdrawn
    entry   text COLLATE "C" PRIMARY KEY,     -- the record's key
    place   text COLLATE "C" NOT NULL,
    low     text COLLATE "C" NOT NULL,
    high    text COLLATE "C" NOT NULL
);
CREATE INDEX places_by_place ON places (place);

-- How far each partition's owner has come with them: the version that its people were made due for, and until when it lasted.
CREATE TABLE places_applied (
    version   bigint NOT NULL,
    to_us     bigint NOT NULL,
    partition smallint NOT NULL,
    entry     text COLLATE "C" NOT NULL,
    PRIMARY KEY (partition, entry)
);

-- Where people were, as their facts say.
CREATE TABLE stays (
    from_us   bigint NOT NULL,
    to_us     bigint NOT NULL,                -- including
    partition smallint NOT NULL,
    fact_id   bytea NOT NULL CHECK (octet_length(fact_id) = 16),
    subject   bytea NOT NULL CHECK (octet_length(subject) = 16),
    place     text COLLATE "C" NOT NULL
);
CREATE INDEX stays_by_fact ON stays (fact_id);
CREATE INDEX stays_by_place ON stays (partition, place, from_us);
ALTER TABLE facts ADD COLUMN has_stays boolean NOT NULL DEFAULT false;

-- What svc-declare says of each source's rhythm, the newest version.
CREATE TABLE sources (
    version        bigint NOT NULL,
    fresh_until_us bigint NOT NULL,
    is_ended       boolean NOT NULL,
    name           text PRIMARY KEY,          -- the record's key
    source         text NOT NULL
);

-- Which sources a partition's people were last graded as silent for; while people are being graded for it, up to whom.
CREATE TABLE silences (
    partition smallint PRIMARY KEY,
    sources   text NOT NULL,
    swept     bytea
);

-- Facts come in the order of this time: what is past its days of keeping lies in the first blocks.
CREATE INDEX facts_by_age ON facts USING brin (known_us) WITH (pages_per_range = 16);
