#include "svc-directory/grading/silence.h"

#include "base/log.h"
#include "svc-directory/grading/entries.h"

#include <string.h>

#define ACQUIRE_MS 2000

/* --- who is silent --- */

static enum phi_err find_silent(struct directory *directory, int64_t now_us, struct phi_rows **rows)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_array *needed = phi_array_new(PHI_COLUMN_TEXT);
    PHI_GUARD(needed == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < directory->silence.needed_count; i++)
        PHI_GUARD(phi_array_add(needed, PHI_TEXT(directory->silence.needed[i])));
    PHI_GUARD(phi_store_acquire(phi_service_store(directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    const struct phi_param params[] = {PHI_ARRAY(needed), PHI_I64(now_us)};
    PHI_GUARD(phi_conn_exec(conn, "sources_silent",
                            "SELECT COALESCE(string_agg(DISTINCT source, ',' ORDER BY source), '') "
                            "FROM sources WHERE NOT is_ended AND fresh_until_us < $2::bigint AND "
                            "source = ANY($1::text[])",
                            params, 2, rows, NULL));
out:
    phi_store_release(conn);
    phi_array_free(needed);
    return err;
}

enum phi_err silence_look(struct directory *directory, int64_t now_us)
{
    enum phi_err err = PHI_OK;
    struct silence *silence = &directory->silence;
    struct phi_rows *rows = NULL;
    if (silence->needed_count == 0)
        return PHI_OK;
    PHI_GUARD(find_silent(directory, now_us, &rows));
    const char *names = phi_rows_text(rows, 0, 0);
    pthread_mutex_lock(&silence->lock);
    bool is_other = strcmp(names, silence->names) != 0;
    snprintf(silence->names, sizeof(silence->names), "%s", names);
    pthread_mutex_unlock(&silence->lock);
    if (is_other)
        phi_log(PHI_LOG_WARN, "sources_silent",
                PHI_L_WORD("sources", names[0] == '\0' ? "none" : names));
out:
    phi_rows_free(rows);
    return err;
}

bool silence_is_any(struct silence *silence)
{
    pthread_mutex_lock(&silence->lock);
    bool is_any = silence->names[0] != '\0';
    pthread_mutex_unlock(&silence->lock);
    return is_any;
}

static const char *copy_names(struct silence *silence, struct phi_arena *arena)
{
    pthread_mutex_lock(&silence->lock);
    const char *copy = phi_arena_text(arena, phi_view_text(silence->names));
    pthread_mutex_unlock(&silence->lock);
    return copy;
}

enum phi_err silence_names(struct silence *silence, struct phi_arena *arena,
                           const char *const **names, size_t *count)
{
    const char **list = phi_arena_alloc(arena, (SILENCE_NEEDED_MAX + 1) * sizeof(*list));
    const char *at = copy_names(silence, arena);
    *names = list;
    *count = 0;
    if (list == NULL || at == NULL)
        return PHI_ERR_MEMORY;
    while (*at != '\0' && *count < SILENCE_NEEDED_MAX) {
        size_t len = strcspn(at, ",");
        list[*count] = phi_arena_text(arena, phi_view_of(at, len));
        if (list[(*count)++] == NULL)
            return PHI_ERR_MEMORY;
        at += len + (at[len] == ',');
    }
    return PHI_OK;
}

/* --- their people --- */

/* Where the sweep stands: begun where the set is another than the last. */
static enum phi_err find_place(const struct grading *g, const char *names, struct phi_rows **rows)
{
    const struct phi_param params[] = {PHI_I64(g->partition), PHI_TEXT(names)};
    return phi_conn_exec(
        g->tx, "silences_begin",
        "WITH begun AS (INSERT INTO silences AS s (partition, sources, swept) SELECT $1::bigint, "
        "$2::text, ''::bytea WHERE $2::text <> '' OR EXISTS (SELECT 1 FROM silences WHERE "
        "partition = $1::bigint) ON CONFLICT (partition) DO UPDATE SET sources = "
        "EXCLUDED.sources, swept = ''::bytea WHERE s.sources <> EXCLUDED.sources RETURNING swept) "
        "SELECT swept FROM begun UNION ALL SELECT swept FROM silences WHERE partition = $1::bigint "
        "AND swept IS NOT NULL AND NOT EXISTS (SELECT 1 FROM begun)",
        params, 2, rows, NULL);
}

static enum phi_err find_next(const struct grading *g, struct phi_view swept, size_t max,
                              struct phi_rows **rows)
{
    const struct phi_param params[] = {PHI_I64(g->partition), PHI_BYTES(swept), PHI_I64(max)};
    return phi_conn_exec(g->tx, "silences_next",
                         "SELECT subject FROM entries WHERE subject > $2::bytea AND partition = "
                         "$1::bigint ORDER BY subject LIMIT $3::bigint",
                         params, 3, rows, NULL);
}

static enum phi_err keep_place(const struct grading *g, const struct phi_rows *people)
{
    size_t count = phi_rows_count(people);
    const struct phi_param params[] = {
        PHI_I64(g->partition),
        count == 0 ? PHI_NULL : PHI_BYTES(phi_rows_bytes(people, count - 1, 0))};
    return phi_conn_exec(g->tx, "silences_swept",
                         "UPDATE silences SET swept = $2::bytea WHERE partition = $1::bigint",
                         params, 2, NULL, NULL);
}

static enum phi_err grade_people(const struct grading *g, const struct phi_rows *people)
{
    size_t count = phi_rows_count(people);
    uint8_t(*subjects)[PHI_SUBJECT_LEN] = phi_arena_alloc(g->arena, (count + 1) * PHI_SUBJECT_LEN);
    if (subjects == NULL)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < count; i++)
        memcpy(subjects[i], phi_rows_bytes(people, i, 0).data, PHI_SUBJECT_LEN);
    return count == 0 ? PHI_OK : grading_run(g, (const uint8_t(*)[PHI_SUBJECT_LEN])subjects, count);
}

enum phi_err silence_sweep(const struct grading *g, size_t max, size_t *count)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *place = NULL, *people = NULL;
    const char *names = copy_names(&g->directory->silence, g->arena);
    *count = 0;
    PHI_GUARD(names == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(entries_lock(g->tx, g->partition, NULL));
    PHI_GUARD(find_place(g, names, &place));
    if (phi_rows_count(place) == 0)
        goto out;
    PHI_GUARD(find_next(g, phi_rows_bytes(place, 0, 0), max, &people));
    *count = phi_rows_count(people);
    PHI_GUARD(grade_people(g, people));
    PHI_GUARD(keep_place(g, people));
out:
    phi_rows_free(place);
    phi_rows_free(people);
    return err;
}
