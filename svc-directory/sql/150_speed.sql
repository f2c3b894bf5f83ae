-- Records that were amended are few: who looks for a later revision doesn't go through all facts.
CREATE INDEX facts_amended ON facts (record, revision) WHERE revision > 1;
