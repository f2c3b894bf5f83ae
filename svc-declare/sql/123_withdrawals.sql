-- The ends of consents by themselves, so that consents and ends may be made again of the topic in any order.
CREATE TABLE withdrawals (
    subject      bytea NOT NULL CHECK (octet_length(subject) = 16),
    purpose      text NOT NULL,
    withdrawn_us bigint NOT NULL,
    PRIMARY KEY (subject, purpose, withdrawn_us)
);
