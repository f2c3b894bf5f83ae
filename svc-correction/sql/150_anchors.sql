-- The Merkle root of a day over the heads of all cases' chains as they were at its end, in the order of the cases' ids;
-- published once, on audit. `chunks` has the root of every 1,024 heads, `firsts` the first case of each: the path of a
-- case needs one chunk's heads.
CREATE TABLE anchors (
    cut_us  bigint PRIMARY KEY,       -- the day's end
    day     text NOT NULL,
    count   bigint NOT NULL,
    root    bytea NOT NULL CHECK (octet_length(root) = 32),
    chunks  bytea NOT NULL,
    firsts  bytea NOT NULL,
    made_us bigint NOT NULL
);
CREATE INDEX anchors_by_day ON anchors (day, cut_us DESC);
