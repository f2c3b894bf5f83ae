-- Platforms that asked to join, and where each stands: the one table of states (members/states.c moves them).
CREATE TABLE members (
    region            text PRIMARY KEY CHECK (region ~ '^[0-9]{6}$'),
    state             text NOT NULL CHECK (state IN ('applied', 'refused', 'active', 'suspended', 'retired')),
    round             bigint NOT NULL,  -- rises with every change; officers decide about a round
    app_id            text NOT NULL,    -- the caller that applied and speaks for it
    name              text NOT NULL,
    organisation      text NOT NULL,
    mode              text NOT NULL CHECK (mode IN ('bus', 'push')),
    contact_sealed    bytea NOT NULL,
    report            text NOT NULL,    -- the testing institution's signed statement
    endpoints         text NOT NULL,
    requests          text NOT NULL,    -- certificate requests by use
    pending           text,             -- requests of a replacement that is not decided yet
    overlap_us        bigint NOT NULL DEFAULT 0, -- how long replaced keys stay in force
    encryption_public bytea NOT NULL CHECK (octet_length(encryption_public) = 64),
    changed_us        bigint NOT NULL
);

-- Keys that were certified, as the trust list has them.
CREATE TABLE member_keys (
    region      text NOT NULL REFERENCES members,
    use         text NOT NULL,
    key_set     integer NOT NULL,
    serial      text NOT NULL,
    public      bytea NOT NULL CHECK (octet_length(public) = 64),
    certificate text NOT NULL,
    from_us     bigint NOT NULL,
    to_us       bigint NOT NULL,
    PRIMARY KEY (region, use, serial)
);

-- Every step, by whom; a request is one step however often it comes.
CREATE TABLE member_steps (
    request bytea PRIMARY KEY CHECK (octet_length(request) = 16),
    region  text NOT NULL,
    round   bigint NOT NULL,
    action  text NOT NULL,
    actor   bytea NOT NULL,  -- digest of an officer's account, or of the app
    unit    text NOT NULL,
    reason  text NOT NULL,
    state   text NOT NULL,   -- after it
    at_us   bigint NOT NULL
);
CREATE INDEX member_steps_region ON member_steps (region, at_us);

-- What is handed over once, sealed to the platform's encryption key.
CREATE TABLE member_parcels (
    region     text NOT NULL REFERENCES members,
    kind       text NOT NULL,
    key_serial text NOT NULL,
    sealed     text NOT NULL,
    made_us    bigint NOT NULL,
    taken_by   bytea,
    taken_us   bigint,
    PRIMARY KEY (region, kind)
);

-- The platform bus's users; the password sealed, for the operator of the broker.
CREATE TABLE member_users (
    region          text PRIMARY KEY REFERENCES members,
    password_sealed bytea NOT NULL,
    is_active       boolean NOT NULL
);
