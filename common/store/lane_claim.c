#include "store/lane_internal.h"

#include <stdlib.h>
#include <string.h>

enum phi_err phi_lane_refs_reserve(struct phi_lane_refs *refs, size_t count)
{
    refs->count = 0;
    refs->group_count = 0;
    if (count <= refs->cap)
        return PHI_OK;
    phi_lane_refs_fini(refs);
    refs->items = calloc(count, sizeof(*refs->items));
    refs->sorted = calloc(count, sizeof(void *));
    refs->groups = calloc(count, sizeof(*refs->groups));
    if (refs->items && refs->sorted && refs->groups) {
        refs->cap = count;
        return PHI_OK;
    }
    phi_lane_refs_fini(refs);
    return PHI_ERR_MEMORY;
}

void phi_lane_refs_fini(struct phi_lane_refs *refs)
{
    free(refs->items);
    free(refs->sorted);
    free(refs->groups);
    memset(refs, 0, sizeof(*refs));
}

void phi_lane_refs_add(struct phi_lane_refs *refs, struct phi_commit *commit,
                       const struct phi_lane_row *row)
{
    const uint8_t *bytes = commit->bytes.data + row->offset;
    refs->items[refs->count] = (struct phi_lane_ref){
        .key = bytes,
        .key_len = row->key_len,
        .at = bytes,
        .commit = commit,
        .order = (uint32_t)refs->count,
        .table = row->table,
    };
    refs->sorted[refs->count] = &refs->items[refs->count];
    refs->count++;
}

static int compare_keys(const struct phi_lane_ref *a, const struct phi_lane_ref *b)
{
    if (a->table != b->table)
        return a->table < b->table ? -1 : 1;
    size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
    int order = len > 0 ? memcmp(a->key, b->key, len) : 0;
    if (order != 0)
        return order;
    return a->key_len == b->key_len ? 0 : a->key_len < b->key_len ? -1 : 1;
}

static int compare_refs(const void *a, const void *b)
{
    const struct phi_lane_ref *left = *(const struct phi_lane_ref *const *)a;
    const struct phi_lane_ref *right = *(const struct phi_lane_ref *const *)b;
    int order = compare_keys(left, right);
    if (order != 0)
        return order;
    return left->order < right->order ? -1 : 1;
}

/* One total order of keys for every lane of every process: what keeps overlapping inserts from
 * deadlock. */
void phi_lane_refs_sort(struct phi_lane_refs *refs)
{
    if (refs->count == 0)
        return;
    qsort(refs->sorted, refs->count, sizeof(void *), compare_refs);
    for (size_t i = 0; i < refs->count; i++) {
        if (i > 0 && compare_keys(refs->sorted[i - 1], refs->sorted[i]) != 0)
            refs->group_count++;
        refs->sorted[i]->group = (uint32_t)refs->group_count;
    }
    refs->group_count++;
    memset(refs->groups, 0, refs->group_count * sizeof(refs->groups[0]));
}

enum phi_err phi_lane_guards_gather(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        batch[i]->lost_table = -1;
        batch[i]->is_lost_to_stored = false;
        rows += batch[i]->row_count;
    }
    enum phi_err err = phi_lane_refs_reserve(&lane->guards, rows);
    if (err != PHI_OK)
        return err;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < batch[i]->row_count; j++) {
            if (lane->tables[batch[i]->rows[j].table].is_guard)
                phi_lane_refs_add(&lane->guards, batch[i], &batch[i]->rows[j]);
        }
    }
    phi_lane_refs_sort(&lane->guards);
    return PHI_OK;
}

static void lose(struct phi_commit *commit, const struct phi_lane_ref *ref, bool to_stored)
{
    commit->lost_table = (int)ref->table;
    commit->lost_group = ref->group;
    commit->lost_key = phi_view_of(ref->key, ref->key_len);
    commit->is_lost_to_stored = to_stored;
}

/* The first guard, in declared order, of which an earlier request of the batch holds the key. */
static void lose_to_earlier(struct phi_lane_refs *guards, struct phi_commit *commit, size_t from,
                            size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct phi_lane_ref *ref = &guards->items[i];
        const struct phi_commit *owner = guards->groups[ref->group].owner;
        if (owner == NULL || owner == commit)
            continue;
        if (commit->lost_table < 0 || (int)ref->table < commit->lost_table)
            lose(commit, ref, false);
    }
}

static bool is_entitled(const struct phi_lane *lane, const struct phi_commit *commit,
                        uint32_t table)
{
    if (commit->lost_table < 0)
        return true;
    return lane->tables[table].is_sticky && (int)table < commit->lost_table;
}

static void claim_span(struct phi_lane *lane, struct phi_commit *commit, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        struct phi_lane_ref *ref = &lane->guards.items[i];
        struct phi_lane_group *group = &lane->guards.groups[ref->group];
        if (group->owner != NULL || !is_entitled(lane, commit, ref->table))
            continue;
        group->owner = commit;
        ref->is_claimed = true;
    }
}

/* As if the requests came one after the other: each gets all its keys or none (but for sticky
 * ones). */
void phi_lane_guards_claim(struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    struct phi_lane_refs *guards = &lane->guards;
    for (size_t i = 0; i < count; i++) {
        if (!batch[i]->is_lost_to_stored)
            batch[i]->lost_table = -1;
    }
    if (guards->count == 0)
        return;
    memset(guards->groups, 0, guards->group_count * sizeof(guards->groups[0]));
    for (size_t i = 0; i < guards->count; i++) {
        guards->items[i].is_claimed = false;
        guards->items[i].is_sent = false;
        guards->items[i].at = guards->items[i].key;
    }
    for (size_t from = 0, to = 0; from < guards->count; from = to) {
        struct phi_commit *commit = guards->items[from].commit;
        while (to < guards->count && guards->items[to].commit == commit)
            to++;
        if (!commit->is_lost_to_stored)
            lose_to_earlier(guards, commit, from, to);
        claim_span(lane, commit, from, to);
    }
}

bool phi_lane_ref_is_due(const struct phi_lane *lane, const struct phi_lane_ref *ref)
{
    return ref->is_claimed && is_entitled(lane, ref->commit, ref->table);
}

static void refuse_one(const struct phi_lane_ref *ref)
{
    struct phi_commit *commit = ref->commit;
    if (commit->lost_table >= 0 && commit->lost_table < (int)ref->table)
        return;
    if (!commit->is_lost_to_stored || (int)ref->table < commit->lost_table)
        lose(commit, ref, true);
}

/* The key is in the table already: all requests that carry it lose, unless they lost earlier. */
void phi_lane_guards_refuse(struct phi_lane *lane, size_t sorted_index)
{
    struct phi_lane_refs *guards = &lane->guards;
    uint32_t group = guards->sorted[sorted_index]->group;
    guards->groups[group].is_refused = true;
    size_t i = sorted_index;
    while (i > 0 && guards->sorted[i - 1]->group == group)
        i--;
    for (; i < guards->count && guards->sorted[i]->group == group; i++)
        refuse_one(guards->sorted[i]);
}

bool phi_lane_guards_need_redo(const struct phi_lane *lane, struct phi_commit **batch, size_t count)
{
    const struct phi_lane_refs *guards = &lane->guards;
    for (size_t i = 0; i < guards->count; i++) {
        const struct phi_lane_ref *ref = &guards->items[i];
        bool is_written = ref->is_sent && !guards->groups[ref->group].is_refused;
        if (is_written && !is_entitled(lane, ref->commit, ref->table))
            return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (batch[i]->lost_table < 0 || batch[i]->is_lost_to_stored)
            continue;
        const struct phi_commit *owner = guards->groups[batch[i]->lost_group].owner;
        if (owner == NULL || !is_entitled(lane, owner, (uint32_t)batch[i]->lost_table))
            return true;
    }
    return false;
}
