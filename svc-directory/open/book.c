/* The projects in force, followed by a thread; the end of their terms. */
#include "svc-directory/open/open.h"

#include "base/log.h"
#include "base/queue.h"
#include "svc-directory/directory.h"

#include <stdlib.h>
#include <string.h>

#define EVERY_MS   1000
#define ACQUIRE_MS 2000

struct open {
    struct directory *directory;
    pthread_t thread;
    struct phi_queue *stop;
    pthread_mutex_t lock; /* with all below */
    size_t count;
    struct open_project projects[OPEN_PROJECTS_MAX];
};

enum phi_err open_seal_subject(const char *project, uint8_t out[PHI_SUBJECT_LEN])
{
    enum phi_err err = PHI_OK;
    uint8_t digest[PHI_SM3_LEN];
    PHI_GUARD(phi_sm3(phi_view_text(project), digest));
    memcpy(out, digest, PHI_SUBJECT_LEN);
out:
    return err;
}

/* --- asking --- */

static bool wants(const struct open_project *project, const char *stream, int64_t now_us)
{
    char word[64];
    snprintf(word, sizeof(word), ",%s,", stream);
    return now_us >= project->from_us && now_us < project->until_us &&
           strstr(project->streams, word) != NULL;
}

bool open_wants(struct directory *directory, const char *stream, int64_t now_us)
{
    bool is_wanted = false;
    struct open *open = directory->open;
    if (open == NULL)
        return false;
    pthread_mutex_lock(&open->lock);
    for (size_t i = 0; i < open->count; i++)
        is_wanted = is_wanted || wants(&open->projects[i], stream, now_us);
    pthread_mutex_unlock(&open->lock);
    return is_wanted;
}

size_t open_wanting(struct open *open, const char *stream, int64_t now_us,
                    struct open_project out[OPEN_PROJECTS_MAX])
{
    size_t count = 0;
    pthread_mutex_lock(&open->lock);
    for (size_t i = 0; i < open->count; i++)
        if (wants(&open->projects[i], stream, now_us))
            out[count++] = open->projects[i];
    pthread_mutex_unlock(&open->lock);
    return count;
}

/* --- following --- */

/* The term is over, or two officers' project was ended by one: nobody can tell any more who was
 * whom. */
static enum phi_err destroy_ended(struct phi_conn *conn, int64_t now_us, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(now_us)};
    PHI_GUARD(phi_conn_exec(
        conn, "open_destroy",
        "UPDATE open_projects p SET secret = NULL, ended_us = $1::bigint WHERE secret IS NOT NULL "
        "AND (until_us <= $1::bigint OR EXISTS (SELECT 1 FROM open_steps s WHERE s.project = "
        "p.project AND step = 'end')) RETURNING project",
        params, 1, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        phi_log(PHI_LOG_INFO, "open_project_over",
                PHI_L_WORD("project", phi_rows_text(rows, i, 0)));
out:
    phi_rows_free(rows);
    return err;
}

/* Whose topic is there: what can't be published would wait in the outbox before everything else. */
static bool is_named(struct directory *directory, const char *project)
{
    const struct phi_config *config = phi_service_config(directory->service);
    for (size_t i = 0; i < phi_config_list_count(config, "PHI_OPEN_PROJECTS"); i++)
        if (strcmp(phi_config_list_item(config, "PHI_OPEN_PROJECTS", i), project) == 0)
            return true;
    return false;
}

static enum phi_err read_project(struct directory *directory, const struct phi_rows *rows,
                                 size_t row, struct phi_arena *arena, struct open_project *out)
{
    enum phi_err err = PHI_OK;
    uint8_t subject[PHI_SUBJECT_LEN];
    struct phi_view secret;
    const char *name = phi_rows_text(rows, row, 0);
    snprintf(out->name, sizeof(out->name), "%s", name);
    snprintf(out->topic, sizeof(out->topic), "phi.%s.open.%s",
             phi_service_region(directory->service), name);
    snprintf(out->streams, sizeof(out->streams), ",%s,", phi_rows_text(rows, row, 1));
    out->from_us = phi_rows_i64(rows, row, 2);
    out->until_us = phi_rows_i64(rows, row, 3);
    PHI_GUARD(open_seal_subject(name, subject));
    PHI_GUARD(phi_unseal(directory->keys.health, OPEN_SECRET, subject, phi_rows_bytes(rows, row, 4),
                         arena, &secret));
    PHI_GUARD(secret.len == PHI_OPEN_SECRET_LEN ? PHI_OK : PHI_ERR_DATA_BROKEN);
    memcpy(out->secret, secret.data, PHI_OPEN_SECRET_LEN);
out:
    return err;
}

static enum phi_err read_projects(struct directory *directory, struct phi_conn *conn,
                                  struct phi_arena *arena,
                                  struct open_project out[OPEN_PROJECTS_MAX], size_t *count,
                                  struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_exec(
        conn, "open_approved",
        "SELECT project, streams, (SELECT at_us FROM open_steps s WHERE s.project = p.project AND "
        "step = 'approve'), until_us, secret FROM open_projects p WHERE secret IS NOT NULL AND "
        "EXISTS (SELECT 1 FROM open_steps s WHERE s.project = p.project AND step = 'approve') "
        "ORDER BY at_us, project",
        NULL, 0, &rows, error));
    *count = 0;
    for (size_t i = 0; i < phi_rows_count(rows) && *count < OPEN_PROJECTS_MAX; i++) {
        if (!is_named(directory, phi_rows_text(rows, i, 0)))
            continue;
        PHI_GUARD(read_project(directory, rows, i, arena, &out[*count]));
        (*count)++;
    }
out:
    phi_rows_free(rows);
    return err;
}

static enum phi_err refresh(struct open *open, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct open_project projects[OPEN_PROJECTS_MAX];
    size_t count = 0;
    struct directory *directory = open->directory;
    struct phi_arena *arena = phi_arena_new(64 * 1024);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(directory->service),
                                phi_deadline_in_ms(ACQUIRE_MS), &conn));
    PHI_GUARD(destroy_ended(conn, phi_clock_now_us(phi_service_clock(directory->service)), error));
    PHI_GUARD(read_projects(directory, conn, arena, projects, &count, error));
    pthread_mutex_lock(&open->lock);
    phi_wipe(open->projects, sizeof(open->projects));
    memcpy(open->projects, projects, count * sizeof(projects[0]));
    open->count = count;
    pthread_mutex_unlock(&open->lock);
out:
    phi_store_release(conn);
    phi_wipe(projects, sizeof(projects));
    phi_arena_free(arena);
    return err;
}

static void *run(void *context)
{
    struct open *open = context;
    void *nothing[1];
    bool was_failing = false;
    while (!phi_queue_is_closed(open->stop)) {
        struct phi_error error = {.code = PHI_OK};
        enum phi_err err = refresh(open, &error);
        if ((err != PHI_OK) != was_failing)
            phi_log(err != PHI_OK ? PHI_LOG_WARN : PHI_LOG_INFO, "open_followed", PHI_L_ERR(err),
                    PHI_L_DETAIL(&error));
        was_failing = err != PHI_OK;
        (void)phi_queue_pop(open->stop, nothing, 1, phi_deadline_in_ms(EVERY_MS));
    }
    return NULL;
}

static void free_open(struct open *open)
{
    phi_queue_free(open->stop);
    pthread_mutex_destroy(&open->lock);
    phi_wipe(open->projects, sizeof(open->projects));
    free(open);
}

enum phi_err open_start(struct directory *directory, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct open *open = calloc(1, sizeof(*open));
    if (open == NULL)
        return PHI_ERR_MEMORY;
    open->directory = directory;
    pthread_mutex_init(&open->lock, NULL);
    open->stop = phi_queue_new(1);
    PHI_GUARD(open->stop == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(refresh(open, error));
    if (pthread_create(&open->thread, NULL, run, open) != 0)
        PHI_GUARD(phi_error_set(error, PHI_ERR_MEMORY, "open", "no thread"));
    directory->open = open;
    open = NULL;
out:
    if (open != NULL)
        free_open(open);
    return err;
}

void open_close(struct open *open)
{
    if (open == NULL)
        return;
    phi_queue_close(open->stop);
    pthread_join(open->thread, NULL);
    free_open(open);
}
