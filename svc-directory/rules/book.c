#include "svc-directory/rules/book.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOADED_MAX 64 /* sets of one process's life; then a restart is needed, and said */

struct rules_book {
    char region[8];
    pthread_mutex_t lock; /* with all below */
    size_t count;
    struct rules_force sets[RULES_SETS_MAX]; /* by number */
    int64_t floor_us;
    size_t loaded_count; /* the refreshing thread's */
    struct loaded {
        uint8_t trial_id[RULES_TRIAL_LEN];
        struct rules *rules;
    } loaded[LOADED_MAX];
    struct rules *first;
};

enum phi_err rules_book_new(struct rules *first, const char *region, struct rules_book **out)
{
    struct rules_book *book = calloc(1, sizeof(*book));
    if (book == NULL) {
        rules_free(first);
        return PHI_ERR_MEMORY;
    }
    snprintf(book->region, sizeof(book->region), "%s", region);
    pthread_mutex_init(&book->lock, NULL);
    book->first = first;
    book->floor_us = INT64_MIN;
    book->sets[book->count++] =
        (struct rules_force){.from_us = INT64_MIN, .is_file = true, .rules = first};
    *out = book;
    return PHI_OK;
}

void rules_book_free(struct rules_book *book)
{
    if (book == NULL)
        return;
    for (size_t i = 0; i < book->loaded_count; i++)
        rules_free(book->loaded[i].rules);
    rules_free(book->first);
    pthread_mutex_destroy(&book->lock);
    free(book);
}

/* --- loading --- */

static const struct rules *find_loaded(const struct rules_book *book, const uint8_t *trial_id)
{
    for (size_t i = 0; i < book->loaded_count; i++)
        if (memcmp(book->loaded[i].trial_id, trial_id, RULES_TRIAL_LEN) == 0)
            return book->loaded[i].rules;
    return NULL;
}

static enum phi_err load(struct rules_book *book, const uint8_t *trial_id, const char *text,
                         const struct rules **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct rules *rules = NULL;
    *out = find_loaded(book, trial_id);
    if (*out != NULL)
        return PHI_OK;
    if (book->loaded_count == LOADED_MAX)
        return phi_error_set(error, PHI_ERR_OVERLOAD, "rules", "too many sets in one life");
    PHI_GUARD(rules_parse(phi_view_text(text), book->region, &rules, error));
    rules_metrics(rules);
    struct loaded *loaded = &book->loaded[book->loaded_count++];
    memcpy(loaded->trial_id, trial_id, RULES_TRIAL_LEN);
    loaded->rules = rules;
    *out = rules;
out:
    return err;
}

static void add(struct rules_book *book, const struct rules_force *force)
{
    pthread_mutex_lock(&book->lock);
    if (book->count == RULES_SETS_MAX)
        memmove(&book->sets[0], &book->sets[1], --book->count * sizeof(book->sets[0]));
    book->sets[book->count++] = *force;
    pthread_mutex_unlock(&book->lock);
    phi_log(PHI_LOG_INFO, "rules_loaded", PHI_L_INT("activation", force->number),
            PHI_L_INT("version", force->rules->version));
}

static enum phi_err add_row(struct rules_book *book, const struct phi_rows *rows, size_t row,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct rules_force force = {.number = phi_rows_i64(rows, row, 0),
                                .from_us = phi_rows_i64(rows, row, 1),
                                .is_file = phi_rows_is_null(rows, row, 2),
                                .rules = book->first};
    if (!force.is_file) {
        memcpy(force.trial_id, phi_rows_bytes(rows, row, 2).data, RULES_TRIAL_LEN);
        PHI_GUARD(load(book, force.trial_id, phi_rows_text(rows, row, 3), &force.rules, error));
    }
    add(book, &force);
out:
    return err;
}

enum phi_err rules_book_refresh(struct rules_book *book, struct phi_conn *conn, int64_t now_us,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    const struct phi_param params[] = {PHI_I64(book->sets[book->count - 1].number),
                                       PHI_I64(now_us)};
    PHI_GUARD(phi_conn_exec(
        conn, "rules_activations",
        "SELECT a.number, a.from_us, a.trial_id, t.content FROM rule_activations a LEFT JOIN "
        "rule_trials t USING (trial_id) WHERE a.number > $1::bigint AND a.number >= (SELECT "
        "coalesce(max(number), 0) FROM rule_activations WHERE from_us <= $2::bigint) ORDER BY "
        "a.number LIMIT 64",
        params, 2, &rows, error));
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        PHI_GUARD(add_row(book, rows, i, error));
out:
    phi_rows_free(rows);
    return err;
}

/* --- asking --- */

/* With the lock. */
static const struct rules_force *in_force(const struct rules_book *book, int64_t now_us)
{
    int64_t at_us = now_us > book->floor_us ? now_us : book->floor_us;
    size_t i = book->count - 1;
    while (i > 0 && book->sets[i].from_us > at_us)
        i--;
    return &book->sets[i];
}

const struct rules *rules_book_first(const struct rules_book *book)
{
    return book->first;
}

const struct rules *rules_book_at(struct rules_book *book, int64_t now_us)
{
    pthread_mutex_lock(&book->lock);
    const struct rules *rules = in_force(book, now_us)->rules;
    pthread_mutex_unlock(&book->lock);
    return rules;
}

size_t rules_book_list(struct rules_book *book, int64_t now_us, struct rules_force *out, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&book->lock);
    const struct rules_force *end = &book->sets[book->count];
    for (const struct rules_force *at = in_force(book, now_us); at < end && count < max; at++)
        out[count++] = *at;
    pthread_mutex_unlock(&book->lock);
    return count;
}

void rules_book_begin(struct rules_book *book, const struct rules_force *force)
{
    pthread_mutex_lock(&book->lock);
    if (force->from_us > book->floor_us)
        book->floor_us = force->from_us;
    pthread_mutex_unlock(&book->lock);
}
