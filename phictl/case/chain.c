#include "phictl/case/chain.h"

#include "json/canonical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_MAX (64 * 1024)

/* What a digest is made of; contentDigest only where there is one. */
static const char *const covered[] = {"actor", "at",    "noteDigest", "outcome", "reason",
                                      "seq",   "state", "step",       "unit",    "contentDigest"};

static json_t *find(const json_t *step, const char *name)
{
    json_t *value = json_object_get(step, name);
    return value != NULL ? value : json_object_get(json_object_get(step, "link"), name);
}

static enum phi_err refuse(struct phi_error *error, const char *place, const char *text)
{
    return phi_error_set(error, PHI_ERR_FIELD_VALUE, place, "%s", text);
}

static enum phi_err hex_of(const json_t *step, const char *name, uint8_t *out, size_t len,
                           struct phi_error *error)
{
    const char *text = json_string_value(find(step, name));
    if (text == NULL || phi_hex_decode(phi_view_text(text), out, len) != PHI_OK)
        return refuse(error, name, "a step without it");
    return PHI_OK;
}

static json_t *covered_of(const char *case_id, const json_t *step)
{
    json_t *json = json_pack("{s:s}", "caseId", case_id);
    for (size_t i = 0; json != NULL && i < sizeof(covered) / sizeof(covered[0]); i++) {
        json_t *value = find(step, covered[i]);
        if (value != NULL)
            json_object_set(json, covered[i], value);
    }
    return json;
}

static enum phi_err compute(const char *case_id, const json_t *step, const uint8_t *salt,
                            uint8_t out[PHI_CHAIN_LEN])
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    json_t *json = covered_of(case_id, step);
    struct phi_arena *arena = phi_arena_new(ARENA_MAX);
    PHI_GUARD(json == NULL || arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_canonical(json, arena, &bytes));
    PHI_GUARD(phi_chain_digest(salt, bytes, out));
out:
    json_decref(json);
    phi_arena_free(arena);
    return err;
}

static enum phi_err read_step(const char *case_id, const json_t *step, struct ctl_step *out,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t salt[PHI_CHAIN_SALT_LEN], computed[PHI_CHAIN_LEN];
    out->seq = json_integer_value(json_object_get(step, "seq"));
    out->step = json_string_value(json_object_get(step, "step"));
    out->at = json_string_value(json_object_get(step, "at"));
    if (out->seq < 1 || out->step == NULL || out->at == NULL)
        return refuse(error, "steps", "no step of a case");
    PHI_GUARD(hex_of(step, "salt", salt, sizeof(salt), error));
    PHI_GUARD(hex_of(step, "digest", out->digest, PHI_CHAIN_LEN, error));
    PHI_GUARD(hex_of(step, "head", out->head, PHI_CHAIN_LEN, error));
    PHI_GUARD(compute(case_id, step, salt, computed));
    out->is_whole = memcmp(computed, out->digest, PHI_CHAIN_LEN) == 0;
out:
    return err;
}

static enum phi_err read_steps(const json_t *steps, struct ctl_chain *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t count = json_array_size(steps);
    if (count == 0 || count > CTL_STEPS_MAX)
        return refuse(error, "steps", "no steps");
    out->steps = calloc(count, sizeof(*out->steps));
    PHI_GUARD(out->steps == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(read_step(out->case_id, json_array_get(steps, i), &out->steps[i], error));
    out->count = count;
out:
    return err;
}

static enum phi_err name_case(const json_t *from, struct ctl_chain *out, struct phi_error *error)
{
    const char *id = json_string_value(json_object_get(from, "caseId"));
    if (id == NULL || strlen(id) != sizeof(out->case_id) - 1)
        return refuse(error, "caseId", "no case");
    memcpy(out->case_id, id, sizeof(out->case_id));
    return PHI_OK;
}

enum phi_err ctl_chain_of_case(const json_t *data, struct ctl_chain *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(name_case(data, out, error));
    PHI_GUARD(read_steps(json_object_get(data, "steps"), out, error));
out:
    return err;
}

static int by_number(const void *a, const void *b)
{
    int64_t left = ((const struct ctl_step *)a)->seq, right = ((const struct ctl_step *)b)->seq;
    return (left > right) - (left < right);
}

/* The same record told again is one; another one of the same number stays, and breaks the chain. */
static void drop_doubles(struct ctl_chain *chain)
{
    size_t kept = 0;
    for (size_t i = 0; i < chain->count; i++)
        if (kept == 0 || chain->steps[kept - 1].seq != chain->steps[i].seq ||
            memcmp(chain->steps[kept - 1].head, chain->steps[i].head, PHI_CHAIN_LEN) != 0)
            chain->steps[kept++] = chain->steps[i];
    chain->count = kept;
}

enum phi_err ctl_chain_of_events(const json_t *events, struct ctl_chain *out,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (json_array_size(events) == 0)
        return phi_error_set(error, PHI_ERR_NOT_FOUND, "correction.step", "nothing of this case");
    PHI_GUARD(name_case(json_array_get(events, 0), out, error));
    PHI_GUARD(read_steps(events, out, error));
    qsort(out->steps, out->count, sizeof(*out->steps), by_number);
    drop_doubles(out);
out:
    return err;
}

size_t ctl_chain_broken(const struct ctl_chain *chain)
{
    uint8_t head[PHI_CHAIN_LEN] = {0};
    for (size_t i = 0; i < chain->count; i++) {
        const struct ctl_step *step = &chain->steps[i];
        bool is_later = i == 0 && step->seq > 1;
        bool is_next = is_later || step->seq == (i == 0 ? 1 : step[-1].seq + 1);
        if (!step->is_whole || !is_next || phi_chain_next(head, step->digest, head) != PHI_OK)
            return i;
        if (is_later)
            memcpy(head, step->head, PHI_CHAIN_LEN);
        if (memcmp(head, step->head, PHI_CHAIN_LEN) != 0)
            return i;
    }
    return chain->count;
}

const struct ctl_step *ctl_chain_find(const struct ctl_chain *chain, int64_t seq)
{
    for (size_t i = 0; i < chain->count; i++)
        if (chain->steps[i].seq == seq)
            return &chain->steps[i];
    return NULL;
}
