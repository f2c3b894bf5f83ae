-- The nation's statistics as they were counted, one a turn: what may be shown, already hidden and rounded.
CREATE TABLE statistics (
    slot    bigint PRIMARY KEY,
    made_us bigint NOT NULL,
    value   text NOT NULL
);
