/* The lane's tables. A request's id is unique whatever the time, so it has a table of its own; uses
 * and ledger stand in spans of time. */
#include "svc-verify/verify.h"

static const enum phi_column requests_columns[REQUESTS_COLUMNS] = {
    [REQUESTS_PLATFORM] = PHI_COLUMN_TEXT,
    [REQUESTS_PROGRAM] = PHI_COLUMN_TEXT,
    [REQUESTS_ID] = PHI_COLUMN_BYTES,
    [REQUESTS_SERIAL_HMAC] = PHI_COLUMN_BYTES,
    [REQUESTS_REQUESTER_DIGEST] = PHI_COLUMN_BYTES,
    [REQUESTS_SCOPE] = PHI_COLUMN_I64,
    [REQUESTS_STATUS] = PHI_COLUMN_TEXT,
    [REQUESTS_USED] = PHI_COLUMN_I64,
};

static const enum phi_column ledger_columns[] = {PHI_COLUMN_I64, PHI_COLUMN_BYTES, PHI_COLUMN_I64};

static const enum phi_column uses_columns[USES_COLUMNS] = {
    [USES_ID] = PHI_COLUMN_BYTES,        [USES_PLATFORM] = PHI_COLUMN_TEXT,
    [USES_PROGRAM] = PHI_COLUMN_TEXT,    [USES_SUBJECT] = PHI_COLUMN_BYTES,
    [USES_SUBJECT_KEY] = PHI_COLUMN_I64, [USES_SERIAL_HMAC] = PHI_COLUMN_BYTES,
    [USES_APP] = PHI_COLUMN_TEXT,        [USES_SCOPE] = PHI_COLUMN_I64,
    [USES_STATUS] = PHI_COLUMN_TEXT,     [USES_FLAGS] = PHI_COLUMN_I64,
    [USES_DEADLINE] = PHI_COLUMN_I64,    [USES_USED] = PHI_COLUMN_I64,
};

static const enum phi_column revocations_columns[REVOCATIONS_COLUMNS] = {
    [REVOCATIONS_PLATFORM] = PHI_COLUMN_TEXT, [REVOCATIONS_KIND] = PHI_COLUMN_TEXT,
    [REVOCATIONS_ID] = PHI_COLUMN_BYTES,      [REVOCATIONS_FROM] = PHI_COLUMN_I64,
    [REVOCATIONS_UNTIL] = PHI_COLUMN_I64,     [REVOCATIONS_VERSION] = PHI_COLUMN_I64,
    [REVOCATIONS_WHO] = PHI_COLUMN_BYTES,
};

#define REQUESTS_LIST                                                                              \
    "platform, program, request_id, serial_hmac, requester_digest, scope, result_code, used_us"

const struct phi_lane_table verify_tables[VERIFY_TABLES] = {
    {.name = "requests",
     .columns = requests_columns,
     .column_count = REQUESTS_COLUMNS,
     .key_count = 3,
     .is_guard = true,
     .on_conflict = PHI_ERR_CONFLICT,
     .insert_sql =
         "INSERT INTO requests (" REQUESTS_LIST ") SELECT * FROM unnest($1::text[], $2::text[], "
         "$3::bytea[], $4::bytea[], $5::bytea[], $6::bigint[], $7::text[], $8::bigint[]) "
         "ON CONFLICT (platform, program, request_id) DO NOTHING "
         "RETURNING platform, program, request_id",
     .fetch_sql = "SELECT " REQUESTS_LIST " FROM requests WHERE (platform, program, request_id) IN "
                  "(SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[]))"},
    {.name = "ledger",
     .columns = ledger_columns,
     .column_count = 3,
     .key_count = 2,
     .is_guard = true,
     .on_conflict = PHI_ERR_CODE_USED,
     .insert_sql =
         "INSERT INTO ledger (deadline_s, serial_hmac, used_us) SELECT * FROM "
         "unnest($1::bigint[], $2::bytea[], $3::bigint[]) ON CONFLICT (deadline_s, serial_hmac) "
         "DO NOTHING RETURNING deadline_s, serial_hmac"},
    {.name = "uses",
     .columns = uses_columns,
     .column_count = USES_COLUMNS,
     .insert_sql =
         "INSERT INTO uses (id, platform, program, subject, subject_key, serial_hmac, app, scope, "
         "result_code, flags, deadline_s, used_us) SELECT * FROM unnest($1::bytea[], $2::text[], "
         "$3::text[], $4::bytea[], $5::bigint[], $6::bytea[], $7::text[], $8::bigint[], "
         "$9::text[], $10::bigint[], $11::bigint[], $12::bigint[])"},
    {.name = "revocations",
     .columns = revocations_columns,
     .column_count = REVOCATIONS_COLUMNS,
     .key_count = 4,
     .insert_sql =
         "INSERT INTO revocations AS r (platform, kind, id, from_s, until_s, version, who) "
         "SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bigint[], $5::bigint[], "
         "$6::bigint[], $7::bytea[]) ON CONFLICT (platform, kind, id, from_s) DO UPDATE SET "
         "until_s = greatest(r.until_s, excluded.until_s), version = greatest(r.version, "
         "excluded.version), who = excluded.who, kept_at = excluded.kept_at"},
};
