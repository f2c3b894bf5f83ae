-- The nation's directory: the newest entry of every province about every person.
CREATE TABLE entries (
    subject      bytea NOT NULL CHECK (octet_length(subject) = 16),
    region       text NOT NULL CHECK (region ~ '^[0-9]{6}$'),
    version      bigint NOT NULL,
    grade        smallint NOT NULL,
    reasons      text NOT NULL,      -- words, separated by commas
    sources      bigint NOT NULL,
    from_us      bigint NOT NULL,
    until_us     bigint NOT NULL,    -- 9223372036854775807: nothing ends it
    then_grade   smallint NOT NULL,
    updated_us   bigint NOT NULL,
    is_withdrawn boolean NOT NULL,
    PRIMARY KEY (subject, region)
);

-- Trust lists that were signed; the newest is in force. The digest is of what the operators wrote.
CREATE TABLE trust_lists (
    version    bigint PRIMARY KEY,
    digest     bytea NOT NULL CHECK (octet_length(digest) = 32),
    value      bytea NOT NULL,
    key_serial text NOT NULL,
    signature  text NOT NULL      -- base64 of r and s
);
