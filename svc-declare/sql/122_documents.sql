-- Who looked at, or acted on, what is kept of a person: for the person's copy.
CREATE TABLE looks (
    look_id bytea PRIMARY KEY CHECK (octet_length(look_id) = 16),
    subject bytea NOT NULL CHECK (octet_length(subject) = 16),
    at_us   bigint NOT NULL,
    what    text NOT NULL,
    who     text NOT NULL,              -- "self", or the unit
    app_id  text NOT NULL
);
CREATE INDEX looks_by_subject ON looks (subject, at_us);

-- Two documents of one person. A link's revision rises with each change; each side sees the other masked, sealed under its own key.
CREATE TABLE links (
    link_id      bytea PRIMARY KEY CHECK (octet_length(link_id) = 16),
    lesser       bytea NOT NULL CHECK (octet_length(lesser) = 16),
    greater      bytea NOT NULL CHECK (octet_length(greater) = 16),
    revision     bigint NOT NULL,
    is_linked    boolean NOT NULL,
    proof        text NOT NULL CHECK (proof IN ('holder', 'officers')),
    lesser_view  bytea NOT NULL,        -- what the lesser may see of the greater
    greater_view bytea NOT NULL,
    changed_us   bigint NOT NULL
);
CREATE INDEX links_by_lesser ON links (lesser);
CREATE INDEX links_by_greater ON links (greater);

-- A change of a link takes the next number of everyone of the groups that it touches: two at once that share a person collide here.
CREATE TABLE link_changes (
    subject   bytea NOT NULL CHECK (octet_length(subject) = 16),
    change_no bigint NOT NULL,
    link_id   bytea NOT NULL,
    PRIMARY KEY (subject, change_no)
);

-- A change that one officer proposes and another one, of another unit, confirms within days.
CREATE TABLE link_proposals (
    proposal_id bytea PRIMARY KEY CHECK (octet_length(proposal_id) = 16),
    link_id     bytea NOT NULL CHECK (octet_length(link_id) = 16),
    lesser      bytea NOT NULL CHECK (octet_length(lesser) = 16),
    greater     bytea NOT NULL CHECK (octet_length(greater) = 16),
    is_linked   boolean NOT NULL,
    documents   bytea NOT NULL,         -- both and the basis, sealed under the health key; empty once confirmed, erased or past its time
    officer     bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit        text NOT NULL,
    proposed_us bigint NOT NULL
);
CREATE INDEX link_proposals_open ON link_proposals (proposed_us) WHERE documents <> '';
CREATE TABLE link_confirmations (
    proposal_id  bytea PRIMARY KEY,
    officer      bytea NOT NULL CHECK (octet_length(officer) = 32),
    unit         text NOT NULL,
    confirmed_us bigint NOT NULL
);
