/* phictl case verify: a case's chain computed anew, of an exported case, of the topic, or of both
 * against each other; and whether the case is in a day's root. */
#include "phictl/case/chain.h"
#include "phictl/case/topics.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_MAX  (4 * 1024 * 1024)
#define DEPTH_MAX 12

struct look {
    const struct ctl_args *args;
    json_t *file;       /* the whole document; NULL: none */
    const json_t *data; /* the case in it */
    json_t *events, *anchors;
    struct phi_sm2_public *step_key, *audit_key;
    struct ctl_chain of_case, of_topic;
    bool is_broken;
};

/* --- what is given --- */

static enum phi_err read_case(struct look *look, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t *bytes = NULL;
    size_t len = 0;
    if (!ctl_has(look->args, "case"))
        return PHI_OK;
    PHI_GUARD(ctl_read_all(ctl_get(look->args, "case"), CASE_MAX, &bytes, &len, error));
    PHI_GUARD(phi_json_parse(phi_view_of(bytes, len), DEPTH_MAX, &look->file, error));
    const json_t *data = json_object_get(look->file, "data");
    look->data = data == NULL ? look->file : data;
    PHI_GUARD(ctl_chain_of_case(look->data, &look->of_case, error));
out:
    free(bytes);
    return err;
}

static enum phi_err read_topic(struct look *look, const char *stream, const char *member,
                               const char *value, const struct phi_sm2_public *key, json_t *out,
                               struct phi_error *error)
{
    const struct ctl_topic from = {.brokers = ctl_get(look->args, "bus"),
                                   .region = ctl_get(look->args, "region"),
                                   .stream = stream,
                                   .member = member,
                                   .value = value,
                                   .key = key};
    return ctl_topic_read(&from, out, error);
}

static enum phi_err read_all(struct look *look, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *id = ctl_get(look->args, "id");
    look->events = json_array();
    look->anchors = json_array();
    PHI_GUARD(ctl_topic_key(look->args, "key", &look->step_key, error));
    PHI_GUARD(ctl_topic_key(look->args, "answer-key", &look->audit_key, error));
    PHI_GUARD(read_case(look, error));
    if (look->data == NULL && (id == NULL || !ctl_has(look->args, "bus")))
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "--case",
                             "an exported case, or --id and --bus");
    if (!ctl_has(look->args, "bus"))
        goto out;
    PHI_GUARD(read_topic(look, "correction.step", "caseId",
                         look->data == NULL ? id : look->of_case.case_id, look->step_key,
                         look->events, error));
    PHI_GUARD(ctl_chain_of_events(look->events, &look->of_topic, error));
out:
    return err;
}

/* --- what is said --- */

static void say(struct look *look, const char *where, const struct ctl_step *step, const char *what)
{
    printf("%s: step %lld (%s, %s) %s\n", where, (long long)step->seq, step->step, step->at, what);
    look->is_broken = true;
}

static void judge_chain(struct look *look, const char *where, const struct ctl_chain *chain)
{
    size_t broken = ctl_chain_broken(chain);
    if (chain->count == 0)
        return;
    if (broken < chain->count) {
        const struct ctl_step *step = &chain->steps[broken];
        say(look, where, step,
            step->is_whole ? "does not follow from the steps before it"
                           : "is not what its digest was made of");
        return;
    }
    printf("%s: %zu steps, from %lld to %lld, the chain holds\n", where, chain->count,
           (long long)chain->steps[0].seq, (long long)chain->steps[chain->count - 1].seq);
}

/* What the case says now, and what was told then. */
static void compare(struct look *look)
{
    for (size_t i = 0; i < look->of_topic.count && look->of_case.count > 0; i++) {
        const struct ctl_step *told = &look->of_topic.steps[i];
        const struct ctl_step *said = ctl_chain_find(&look->of_case, told->seq);
        if (said == NULL)
            say(look, "case", told, "was told on the topic and is not there");
        else if (memcmp(said->head, told->head, PHI_CHAIN_LEN) != 0)
            say(look, "case", said, "has another head than on the topic");
    }
}

/* --- the day's root --- */

struct proof {
    const char *until;
    uint8_t head[PHI_CHAIN_LEN], root[PHI_CHAIN_LEN];
    uint8_t path[PHI_MERKLE_PATH][PHI_CHAIN_LEN];
    size_t path_count, index, count;
};

static bool read_hex(const json_t *value, uint8_t out[PHI_CHAIN_LEN])
{
    const char *text = json_string_value(value);
    return text != NULL && phi_hex_decode(phi_view_text(text), out, PHI_CHAIN_LEN) == PHI_OK;
}

static bool read_proof(const json_t *json, struct proof *out)
{
    const json_t *path = json_object_get(json, "path");
    out->until = json_string_value(json_object_get(json, "until"));
    out->index = (size_t)json_integer_value(json_object_get(json, "index"));
    out->count = (size_t)json_integer_value(json_object_get(json, "count"));
    out->path_count = json_array_size(path);
    bool is_whole = out->until != NULL && out->path_count <= PHI_MERKLE_PATH &&
                    read_hex(json_object_get(json, "head"), out->head) &&
                    read_hex(json_object_get(json, "root"), out->root);
    for (size_t i = 0; is_whole && i < out->path_count; i++)
        is_whole = read_hex(json_array_get(path, i), out->path[i]);
    return is_whole;
}

/* The last step before the day's end, by the case itself: its head is the leaf. */
static bool is_head_then(const struct look *look, const struct proof *proof)
{
    int64_t until_us = 0, at_us = 0;
    const struct ctl_step *last = NULL;
    const struct ctl_chain *chain = &look->of_case;
    if (phi_rfc3339_parse(phi_view_text(proof->until), &until_us) != PHI_OK)
        return false;
    for (size_t i = 0; i < chain->count; i++)
        if (phi_rfc3339_parse(phi_view_text(chain->steps[i].at), &at_us) == PHI_OK &&
            at_us < until_us)
            last = &chain->steps[i];
    return last != NULL && memcmp(last->head, proof->head, PHI_CHAIN_LEN) == 0;
}

static bool is_published(const struct look *look, const struct proof *proof)
{
    for (size_t i = 0; i < json_array_size(look->anchors); i++) {
        const json_t *one = json_array_get(look->anchors, i);
        uint8_t root[PHI_CHAIN_LEN];
        if (read_hex(json_object_get(one, "root"), root) &&
            memcmp(root, proof->root, PHI_CHAIN_LEN) == 0 &&
            (size_t)json_integer_value(json_object_get(one, "count")) == proof->count)
            return true;
    }
    return false;
}

static void say_proof(struct look *look, const char *day, const char *what, bool is_well)
{
    printf("root of %s: %s\n", day, what);
    look->is_broken = look->is_broken || !is_well;
}

static enum phi_err judge_proof(struct look *look, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct proof proof;
    const json_t *json = json_object_get(look->data, "proof");
    const char *day = json_string_value(json_object_get(json, "day"));
    bool has_bus = ctl_has(look->args, "bus");
    if (day == NULL)
        return PHI_OK;
    if (!read_proof(json, &proof))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "proof", "malformed");
    if (has_bus)
        PHI_GUARD(
            read_topic(look, "audit", "until", proof.until, look->audit_key, look->anchors, error));
    if (!phi_merkle_is_in(proof.head, proof.index, proof.count,
                          (const uint8_t(*)[PHI_CHAIN_LEN])proof.path, proof.path_count,
                          proof.root))
        say_proof(look, day, "the case's path does not lead to it", false);
    else if (!is_head_then(look, &proof))
        say_proof(look, day, "the case had another head then", false);
    else if (has_bus && !is_published(look, &proof))
        say_proof(look, day, "another one was published on audit", false);
    else
        say_proof(look, day,
                  has_bus ? "the case is in it, as it was published" : "the case is in it", true);
out:
    return err;
}

static int run(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    struct look look = {.args = args};
    PHI_GUARD(read_all(&look, &error));
    judge_chain(&look, "case", &look.of_case);
    judge_chain(&look, "topic", &look.of_topic);
    compare(&look);
    PHI_GUARD(judge_proof(&look, &error));
out:
    free(look.of_case.steps);
    free(look.of_topic.steps);
    json_decref(look.file);
    json_decref(look.events);
    json_decref(look.anchors);
    phi_sm2_public_free(look.step_key);
    phi_sm2_public_free(look.audit_key);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    return look.is_broken ? CTL_FAILED : CTL_OK;
}

static const struct ctl_option options_of_verify[] = {
    {.name = "case",
     .value = "FILE",
     .text =
         "an answer of GET /v1/corrections/{id}, with ?day=YYYY-MM-DD for the root of that day"},
    {.name = "id", .value = "HEX", .text = "the case by its id, of the topic alone"},
    {.name = "bus",
     .value = "HOST:PORT,…",
     .text = "brokers: what correction.step and audit tell is held against the case"},
    {.name = "region",
     .value = "DIGITS",
     .variable = "PHI_REGION",
     .fallback = "320000",
     .text = "whose topics"},
    {.name = "key",
     .value = "PUBLIC",
     .text = "the key that signs decisions (PEM or hex): steps must be signed by it"},
    {.name = "answer-key",
     .value = "PUBLIC",
     .text = "svc-correction's answer key (PEM or hex): roots must be signed by it"}};

const struct ctl_command ctl_case_verify = {
    .group = "case",
    .verb = "verify",
    .about = "the hash chain of a case, computed anew, and whether it is in a day's root",
    .options = options_of_verify,
    .option_count = CTL_COUNT(options_of_verify),
    .run = run,
    .example = "phictl case verify --case case.json --bus 127.0.0.1:9092 --key correction.pub"};
