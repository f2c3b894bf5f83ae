-- The published list of area risks, affected communities and venues: each entry as it holds now.
CREATE TABLE places (
    place_key       text PRIMARY KEY,
    institution     text NOT NULL,
    record_no       text NOT NULL,
    revision        integer NOT NULL,
    content         text NOT NULL,
    version         bigint NOT NULL,
    published_us    bigint NOT NULL
);
