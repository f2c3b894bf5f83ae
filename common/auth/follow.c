#include "auth/follow.h"

#include "base/log.h"
#include "base/metrics.h"
#include "bus/reader.h"
#include "crypto/key.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct phi_follow {
    struct phi_follow_options options;
    char topic[PHI_TOPIC_MAX + 1];
    struct phi_pinned_key pinned;
    struct phi_sm2_public *owner;
    struct phi_topic_reader *reader;
    struct phi_counter *taken;
    struct phi_counter *older;
    struct phi_counter *refused;
    struct phi_counter *unkept;
};

static void count_from(struct phi_follow *follow)
{
    char labels[PHI_TOPIC_MAX + 16];
    (void)snprintf(labels, sizeof(labels), "topic=\"%s\"", follow->topic);
    follow->taken =
        phi_counter_new("phi_registry_records_total", "registry records taken in", labels);
    follow->older = phi_counter_new("phi_registry_older_total",
                                    "registry records dropped, older or equal version", labels);
    follow->refused =
        phi_counter_new("phi_registry_refused_total",
                        "registry records refused: signature, signer or form", labels);
    follow->unkept =
        phi_counter_new("phi_registry_unkept_total",
                        "registry records in force that the database did not take", labels);
}

enum phi_err phi_follow_open(const struct phi_follow_options *options, struct phi_follow **out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_follow *follow = calloc(1, sizeof(*follow));
    if (follow == NULL)
        return phi_error_set(error, PHI_ERR_MEMORY, "registry", "out of memory");
    follow->options = *options;
    (void)snprintf(follow->topic, sizeof(follow->topic), "%s", options->topic);
    count_from(follow);
    PHI_GUARD(phi_sm2_public_new(options->owner, &follow->owner));
    follow->pinned.key = follow->owner;
    PHI_GUARD(phi_key_id_of(options->owner, follow->pinned.key_serial));
    *out = follow;
    follow = NULL;
out:
    phi_follow_close(follow);
    if (err != PHI_OK)
        (void)phi_error_set(error, err, options->topic, "the pinned owner's key can't be used");
    return err;
}

void phi_follow_close(struct phi_follow *follow)
{
    if (follow == NULL)
        return;
    phi_topic_reader_close(follow->reader);
    phi_sm2_public_free(follow->owner);
    free(follow);
}

static enum phi_err verify_and_take(struct phi_follow *follow, const struct phi_record *record,
                                    bool is_kept, struct phi_error *error)
{
    enum phi_err err = phi_record_verify(follow->topic, record, &follow->pinned, 1, error);
    if (err != PHI_OK)
        return err;
    return follow->options.take(follow->options.context, record, is_kept, error);
}

static void count(struct phi_follow *follow, enum phi_err err, const struct phi_error *error)
{
    if (err == PHI_OK) {
        phi_counter_add(follow->taken, 1);
        return;
    }
    if (err == PHI_ERR_STATE) {
        phi_counter_add(follow->older, 1);
        return;
    }
    phi_counter_add(follow->refused, 1);
    phi_log(PHI_LOG_WARN, "registry_record_refused", PHI_L_WORD("topic", follow->topic),
            PHI_L_DETAIL(error));
}

/* Not kept is no reason not to be in force: after a restart the record comes again from the topic.
 */
static void keep(struct phi_follow *follow, const struct phi_record *record)
{
    struct phi_error detail = {.code = PHI_OK};
    if (follow->options.store == NULL ||
        phi_record_save(follow->options.store, follow->topic, record, &detail) == PHI_OK)
        return;
    phi_counter_add(follow->unkept, 1);
    phi_log(PHI_LOG_WARN, "registry_record_not_kept", PHI_L_WORD("topic", follow->topic),
            PHI_L_DETAIL(&detail));
}

enum phi_err phi_follow_offer(struct phi_follow *follow, const struct phi_record *record,
                              struct phi_error *error)
{
    struct phi_error detail = {.code = PHI_OK};
    enum phi_err err = verify_and_take(follow, record, false, &detail);
    count(follow, err, &detail);
    if (err == PHI_OK)
        keep(follow, record);
    else if (error != NULL)
        *error = detail;
    return err;
}

static void on_kept(const struct phi_record *record, void *context)
{
    struct phi_follow *follow = context;
    struct phi_error detail = {.code = PHI_OK};
    count(follow, verify_and_take(follow, record, true, &detail), &detail);
}

enum phi_err phi_follow_load(struct phi_follow *follow, struct phi_error *error)
{
    if (follow->options.store == NULL)
        return PHI_OK;
    return phi_record_load(follow->options.store, follow->topic, on_kept, follow, error);
}

static void on_msg(const struct phi_msg *msg, void *context)
{
    struct phi_follow *follow = context;
    struct phi_record record;
    struct phi_error detail = {.code = PHI_OK};
    enum phi_err err = phi_record_of_msg(msg, &record, &detail);
    if (err == PHI_OK)
        (void)!phi_follow_offer(follow, &record, NULL);
    else
        count(follow, err, &detail);
}

static void on_caught_up(void *context)
{
    struct phi_follow *follow = context;
    if (follow->options.caught_up != NULL)
        follow->options.caught_up(follow->options.context);
}

enum phi_err phi_follow_start(struct phi_follow *follow, struct phi_error *error)
{
    const struct phi_topic_reader_options options = {
        .bus = follow->options.bus,
        .topic = follow->topic,
        .record = on_msg,
        .caught_up = on_caught_up,
        .context = follow,
    };
    if (follow->options.bus.brokers == NULL)
        return PHI_OK;
    return phi_topic_reader_open(&options, &follow->reader, error);
}

bool phi_follow_is_caught_up(const struct phi_follow *follow)
{
    return follow->reader != NULL && phi_topic_reader_is_caught_up(follow->reader);
}
