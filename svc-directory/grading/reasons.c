#include "svc-directory/grading/reasons.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CODES_MAX  65536
#define ACQUIRE_MS 2000

struct known {
    char reason[PHI_ENTRY_REASON_MAX + 1];
    char rule[PHI_ENTRY_REASON_MAX + 1];
    int64_t version;
};

struct reasons {
    struct phi_store *store;
    pthread_mutex_t lock;
    struct known *known[CODES_MAX]; /* by code; NULL: not met */
    unsigned top;                   /* the highest code met */
};

enum phi_err reasons_new(struct phi_store *store, struct reasons **out)
{
    struct reasons *reasons = calloc(1, sizeof(*reasons));
    if (reasons == NULL)
        return PHI_ERR_MEMORY;
    reasons->store = store;
    pthread_mutex_init(&reasons->lock, NULL);
    *out = reasons;
    return PHI_OK;
}

void reasons_free(struct reasons *reasons)
{
    if (reasons == NULL)
        return;
    for (unsigned i = 0; i <= reasons->top; i++)
        free(reasons->known[i]);
    pthread_mutex_destroy(&reasons->lock);
    free(reasons);
}

/* --- with the lock held --- */

static unsigned find(const struct reasons *reasons, const struct reason *reason)
{
    for (unsigned i = 1; i <= reasons->top; i++) {
        const struct known *known = reasons->known[i];
        if (known != NULL && known->version == reason->version &&
            strcmp(known->rule, reason->rule) == 0 && strcmp(known->reason, reason->reason) == 0)
            return i;
    }
    return 0;
}

static enum phi_err learn(struct reasons *reasons, const struct phi_rows *rows)
{
    for (size_t i = 0; i < phi_rows_count(rows); i++) {
        int64_t code = phi_rows_i64(rows, i, 0);
        if (code < 1 || code >= CODES_MAX)
            return PHI_ERR_DATA_BROKEN;
        if (reasons->known[code] != NULL)
            continue;
        struct known *known = calloc(1, sizeof(*known));
        if (known == NULL)
            return PHI_ERR_MEMORY;
        snprintf(known->reason, sizeof(known->reason), "%s", phi_rows_text(rows, i, 1));
        snprintf(known->rule, sizeof(known->rule), "%s", phi_rows_text(rows, i, 2));
        known->version = phi_rows_i64(rows, i, 3);
        reasons->known[code] = known;
        if ((unsigned)code > reasons->top)
            reasons->top = (unsigned)code;
    }
    return PHI_OK;
}

/* What the table has; with `added`, that one too. */
static enum phi_err look_up(struct reasons *reasons, const struct reason *added)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_store_acquire(reasons->store, phi_deadline_in_ms(ACQUIRE_MS), &conn));
    if (added != NULL) {
        const struct phi_param params[] = {PHI_TEXT(added->reason), PHI_TEXT(added->rule),
                                           PHI_I64(added->version)};
        PHI_GUARD(phi_conn_exec(conn, "reason_codes_add",
                                "INSERT INTO reason_codes (code, reason, rule, version) SELECT "
                                "COALESCE(max(code), 0) + 1, $1::text, $2::text, $3::bigint FROM "
                                "reason_codes ON CONFLICT DO NOTHING",
                                params, 3, NULL, NULL));
    }
    PHI_GUARD(phi_conn_exec(conn, "reason_codes_all",
                            "SELECT code, reason, rule, version FROM reason_codes", NULL, 0, &rows,
                            NULL));
    PHI_GUARD(learn(reasons, rows));
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}

static enum phi_err code_of(struct reasons *reasons, const struct reason *reason, unsigned *code)
{
    enum phi_err err = PHI_OK;
    *code = find(reasons, reason);
    if (*code == 0)
        PHI_GUARD(look_up(reasons, reason));
    if (*code == 0)
        *code = find(reasons, reason);
    /* another replica took the number for another reason in the same moment */
    PHI_GUARD(*code == 0 ? PHI_ERR_STORE : PHI_OK);
out:
    return err;
}

static enum phi_err known_of(struct reasons *reasons, unsigned code, const struct known **out)
{
    enum phi_err err = PHI_OK;
    if (reasons->known[code] == NULL)
        PHI_GUARD(look_up(reasons, NULL));
    *out = reasons->known[code];
    PHI_GUARD(*out == NULL ? PHI_ERR_DATA_BROKEN : PHI_OK);
out:
    return err;
}

/* --- the two ways --- */

enum phi_err reasons_encode(struct reasons *reasons, const struct reason *list, size_t count,
                            uint8_t out[REASONS_LEN_MAX], size_t *len)
{
    enum phi_err err = PHI_OK;
    size_t kept = count < PHI_ENTRY_REASONS_MAX ? count : PHI_ENTRY_REASONS_MAX;
    pthread_mutex_lock(&reasons->lock);
    for (size_t i = 0; i < kept; i++) {
        unsigned code = 0;
        PHI_GUARD(code_of(reasons, &list[i], &code));
        out[2 * i] = (uint8_t)(code >> 8);
        out[2 * i + 1] = (uint8_t)code;
    }
    *len = kept * REASONS_CODE_LEN;
out:
    pthread_mutex_unlock(&reasons->lock);
    return err;
}

enum phi_err reasons_decode(struct reasons *reasons, struct phi_view codes, json_t **out)
{
    enum phi_err err = PHI_OK;
    json_t *array = json_array();
    pthread_mutex_lock(&reasons->lock);
    PHI_GUARD(array == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(codes.len % REASONS_CODE_LEN != 0 ? PHI_ERR_DATA_BROKEN : PHI_OK);
    for (size_t i = 0; i + 1 < codes.len; i += REASONS_CODE_LEN) {
        const struct known *known = NULL;
        PHI_GUARD(known_of(reasons, (unsigned)codes.data[i] << 8 | codes.data[i + 1], &known));
        json_t *item = json_pack("{s:s, s:s, s:I}", "reason", known->reason, "rule", known->rule,
                                 "version", (json_int_t)known->version);
        PHI_GUARD(json_array_append_new(array, item) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
    *out = array;
    array = NULL;
out:
    pthread_mutex_unlock(&reasons->lock);
    json_decref(array);
    return err;
}
