-- Whose an encryption key is (verify, directory, declare); empty: the province didn't say, or another use.
ALTER TABLE member_keys ADD COLUMN service text NOT NULL DEFAULT '';
