#include "store/lane_internal.h"

#include <sys/random.h>

#define AGAIN_MAX 8

static void clear_fetched(struct phi_lane *lane)
{
    for (size_t i = 0; i < lane->table_count; i++) {
        PQclear(lane->fetched[i]);
        lane->fetched[i] = NULL;
    }
}

static bool new_marker(struct phi_lane *lane)
{
    return getrandom(lane->marker, sizeof(lane->marker), 0) == (ssize_t)sizeof(lane->marker);
}

/* All guard tables in order and at once: what a request wrote that then lost a guard is undone by
 * doing the rest of the batch again without it, so that the usual batch, which loses none, waits
 * for the database once. */
static enum phi_lane_outcome write_guards(struct phi_lane *lane, struct phi_commit **batch,
                                          size_t count)
{
    bool is_any = false;
    for (size_t table = 0; table < lane->table_count; table++) {
        bool is_sent = false;
        if (lane->tables[table].is_guard && !phi_lane_send_guard(lane, table, &is_sent))
            return PHI_LANE_LOST;
        is_any = is_any || is_sent;
    }
    if (!is_any)
        return PHI_LANE_DONE;
    enum phi_lane_outcome outcome = phi_lane_exchange(lane);
    if (outcome != PHI_LANE_DONE)
        return outcome;
    return phi_lane_guards_need_redo(lane, batch, count) ? PHI_LANE_REDO : PHI_LANE_DONE;
}

static bool send_fetches(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    for (size_t table = 0; table < lane->table_count; table++) {
        if (!phi_lane_send_fetch(lane, table, batch, count))
            return false;
    }
    return true;
}

static bool send_rest(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    if (!lane->is_begun && !phi_lane_send_begin(lane))
        return false;
    lane->is_begun = true;
    for (size_t table = 0; table < lane->table_count; table++) {
        if (!lane->tables[table].is_guard && !phi_lane_send_rows(lane, table, batch, count))
            return false;
    }
    return send_fetches(lane, batch, count) && phi_lane_send(lane, "COMMIT", PHI_LANE_OP_COMMIT);
}

static enum phi_lane_outcome write_rest(struct phi_lane *lane, struct phi_commit **batch,
                                        size_t count)
{
    lane->is_commit_seen = false;
    if (!send_rest(lane, batch, count))
        return PHI_LANE_LOST;
    enum phi_lane_outcome outcome = phi_lane_exchange(lane);
    if (lane->is_commit_seen) {
        if (outcome == PHI_LANE_LOST)
            phi_lane_disconnect(lane);
        return PHI_LANE_DONE;
    }
    if (outcome == PHI_LANE_LOST)
        return PHI_LANE_UNKNOWN;
    if (outcome != PHI_LANE_DONE)
        return outcome;
    phi_error_set(&lane->error, PHI_ERR_STORE, "commit", "the transaction had failed");
    return PHI_LANE_FAILED;
}

static enum phi_lane_outcome roll_back(struct phi_lane *lane, enum phi_lane_outcome why)
{
    bool is_good = phi_lane_send(lane, "ROLLBACK", PHI_LANE_OP_PLAIN) &&
                   phi_lane_exchange(lane) == PHI_LANE_DONE;
    lane->is_begun = false;
    if (is_good)
        return why;
    phi_lane_disconnect(lane);
    return why == PHI_LANE_REDO || why == PHI_LANE_AGAIN ? PHI_LANE_LOST : why;
}

static enum phi_lane_outcome attempt_once(struct phi_lane *lane, struct phi_commit **batch,
                                          size_t count)
{
    lane->is_begun = false;
    if (!new_marker(lane))
        return PHI_LANE_FAILED;
    phi_lane_guards_claim(lane, batch, count);
    enum phi_lane_outcome outcome = write_guards(lane, batch, count);
    if (outcome == PHI_LANE_DONE)
        outcome = write_rest(lane, batch, count);
    if (outcome == PHI_LANE_DONE)
        return outcome;
    if (outcome == PHI_LANE_LOST || outcome == PHI_LANE_UNKNOWN) {
        phi_lane_disconnect(lane);
        return outcome;
    }
    return roll_back(lane, outcome);
}

/* Each redo leaves out at least one request more, so it ends. */
static enum phi_lane_outcome attempt(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    phi_error_set(&lane->error, PHI_ERR_STORE, "lane", "the transaction failed");
    enum phi_lane_outcome outcome = PHI_LANE_REDO;
    if (phi_lane_guards_gather(lane, batch, count) != PHI_OK) {
        phi_error_set(&lane->error, PHI_ERR_MEMORY, "lane", "out of memory");
        return PHI_LANE_FAILED;
    }
    while (outcome == PHI_LANE_REDO)
        outcome = attempt_once(lane, batch, count);
    return outcome;
}

static void find_row(struct phi_lane *lane, const struct phi_commit *commit,
                     struct phi_commit_result *result)
{
    const PGresult *rows = lane->fetched[commit->lost_table];
    for (int i = 0; rows != NULL && i < PQntuples(rows); i++) {
        if (!phi_lane_key_is_row(&lane->tables[commit->lost_table], commit->lost_key.data, rows, i))
            continue;
        result->rows = (const struct phi_rows *)rows;
        result->row = (size_t)i;
        return;
    }
}

static void tell_kept(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    static const struct phi_error none = {0};
    for (size_t i = 0; i < count; i++) {
        struct phi_commit *commit = batch[i];
        struct phi_error refused = {0};
        struct phi_commit_result result = {
            .err = PHI_OK, .table = commit->lost_table, .error = &none};
        if (commit->lost_table >= 0) {
            const struct phi_lane_table *table = &lane->tables[commit->lost_table];
            result.err =
                phi_error_set(&refused, table->on_conflict, table->name, "is there already");
            result.error = &refused;
            find_row(lane, commit, &result);
            phi_counter_add(lane->conflicts, 1);
        }
        phi_lane_tell(commit, &result);
    }
    clear_fetched(lane);
}

static void tell_all(struct phi_commit **batch, size_t count, enum phi_err err,
                     bool outcome_unknown, const struct phi_error *error)
{
    struct phi_error copy = *error;
    for (size_t i = 0; i < count; i++)
        phi_lane_tell_error(batch[i], err, outcome_unknown, &copy);
}

/* Tells those past their deadline and closes the gaps; gives how many are left. */
static size_t drop_late(struct phi_commit **batch, size_t count, enum phi_err err,
                        bool outcome_unknown)
{
    struct phi_error error = {0};
    size_t left = 0;
    phi_error_set(&error, err, "lane",
                  outcome_unknown ? "the outcome is not known" : "not written before the deadline");
    for (size_t i = 0; i < count; i++) {
        if (phi_deadline_is_past(batch[i]->deadline))
            phi_lane_tell_error(batch[i], err, outcome_unknown, &error);
        else
            batch[left++] = batch[i];
    }
    return left;
}

/* After a kept transaction whose answers were lost: reads what the refused ones are to be shown. */
static size_t fetch_again(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    while (count > 0) {
        clear_fetched(lane);
        if (phi_lane_link(lane)) {
            if (send_fetches(lane, batch, count) && phi_lane_exchange(lane) == PHI_LANE_DONE)
                return count;
            phi_lane_disconnect(lane);
        }
        size_t left = 0;
        for (size_t i = 0; i < count; i++) {
            bool is_waiting =
                batch[i]->lost_table >= 0 && !phi_deadline_is_past(batch[i]->deadline);
            if (is_waiting)
                batch[left++] = batch[i];
            else if (batch[i]->lost_table < 0)
                tell_kept(lane, &batch[i], 1);
            else
                drop_late(&batch[i], 1, PHI_ERR_STORE, false);
        }
        count = left;
    }
    return 0;
}

/* True: the batch was kept and told. False: it was not; `count` are left to be tried again. */
static bool settle_unknown(struct phi_lane *lane, struct phi_commit **batch, size_t *count)
{
    bool is_kept = false;
    while (!phi_lane_resolve(lane, &is_kept)) {
        *count = drop_late(batch, *count, PHI_ERR_STORE, true);
        if (*count == 0)
            return false;
    }
    clear_fetched(lane);
    if (!is_kept)
        return false;
    *count = fetch_again(lane, batch, *count);
    tell_kept(lane, batch, *count);
    return true;
}

static void run_halves(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    clear_fetched(lane);
    if (count == 1) {
        tell_all(batch, 1, lane->error.code, false, &lane->error);
        return;
    }
    phi_lane_run(lane, batch, count / 2);
    phi_lane_run(lane, batch + count / 2, count - count / 2);
}

void phi_lane_run(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    for (int again = 0; count > 0;) {
        count = drop_late(batch, count, PHI_ERR_DEADLINE, false);
        if (count == 0 || !phi_lane_link(lane))
            continue;
        enum phi_lane_outcome outcome = attempt(lane, batch, count);
        if (outcome == PHI_LANE_DONE) {
            tell_kept(lane, batch, count);
            return;
        }
        clear_fetched(lane);
        if (outcome == PHI_LANE_BAD) {
            run_halves(lane, batch, count);
            return;
        }
        if (outcome == PHI_LANE_UNKNOWN && settle_unknown(lane, batch, &count))
            return;
        if (outcome == PHI_LANE_FAILED || (outcome == PHI_LANE_AGAIN && ++again >= AGAIN_MAX)) {
            tell_all(batch, count, lane->error.code, false, &lane->error);
            return;
        }
    }
}
