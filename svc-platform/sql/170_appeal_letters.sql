-- A decision of an appeal is sent again until its province has answered.
ALTER TABLE appeals
    ADD COLUMN letter  text NOT NULL DEFAULT '',                     -- the decision as it was sent; empty once it is answered
    ADD COLUMN next_us bigint NOT NULL DEFAULT 9223372036854775807;  -- when it is sent again
CREATE INDEX appeals_to_send ON appeals (next_us) WHERE next_us < 9223372036854775807;
