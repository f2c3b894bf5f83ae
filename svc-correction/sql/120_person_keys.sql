-- Data keys of persons, wrapped under the health side's key (common/person): odd versions are keys, even ones say that the
-- key before was destroyed. The old version of a changed row is removed soon, not when much has gathered. Not for long backups.
CREATE TABLE person_keys (
    subject     bytea PRIMARY KEY CHECK (octet_length(subject) = 16),
    version     bigint NOT NULL,
    wrapped     bytea NOT NULL,
    changed_us  bigint NOT NULL
) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
