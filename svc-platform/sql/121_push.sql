-- Who hands a region's directory over, and how many lines of its run were taken: one writer at a time.
CREATE TABLE pushes (
    region   text PRIMARY KEY CHECK (region ~ '^[0-9]{6}$'),
    writer   text NOT NULL,
    next     bigint NOT NULL,
    taken_us bigint NOT NULL
);
