-- Projects of analysts: what they may see, how long, by whose word. The secret makes the pseudonyms of the months; it is
-- destroyed when the term is over, and then nobody can tell whom a record of the project was about.
CREATE TABLE open_projects (
    project    text PRIMARY KEY,
    purpose    text NOT NULL,
    streams    text NOT NULL,                 -- with commas between: grades, source.cases, …
    from_us    bigint NOT NULL,
    until_us   bigint NOT NULL,               -- the end of the term
    at_us      bigint NOT NULL,
    officer    bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit       text NOT NULL,
    secret     bytea,                         -- sealed under the health key; NULL: destroyed
    ended_us   bigint                         -- when it was
);

-- approve, end: each once a project.
CREATE TABLE open_steps (
    project text NOT NULL,
    step    text NOT NULL,
    officer bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit    text NOT NULL,
    at_us   bigint NOT NULL,
    PRIMARY KEY (project, step)
);
