#include "phictl/case/topics.h"

#include "bus/reader.h"
#include "bus/signed.h"
#include "crypto/key.h"
#include "json/json.h"
#include "phictl/files.h"

#include <stdio.h>
#include <string.h>

#define READ_MS   60000
#define DEPTH_MAX 8
#define FOUND_MAX 10000

struct reading {
    const struct ctl_topic *from;
    struct phi_pinned_key pinned;
    json_t *out;
    enum phi_err err; /* the reader's thread; read once it has ended */
};

static bool is_wanted(const struct reading *r, const json_t *value)
{
    const char *text = json_string_value(json_object_get(value, r->from->member));
    return text != NULL && strcmp(text, r->from->value) == 0;
}

static void on_record(const struct phi_msg *msg, void *context)
{
    struct reading *r = context;
    json_t *value = NULL;
    uint64_t version = 0;
    if (r->err != PHI_OK || msg->is_tombstone ||
        phi_json_parse(msg->value, DEPTH_MAX, &value, NULL) != PHI_OK)
        return;
    if (is_wanted(r, value) && json_array_size(r->out) < FOUND_MAX) {
        if (r->pinned.key != NULL)
            r->err = phi_signed_verify(msg, &r->pinned, 1, &version, NULL);
        if (r->err == PHI_OK && json_array_append(r->out, value) != 0)
            r->err = PHI_ERR_MEMORY;
    }
    json_decref(value);
}

static enum phi_err pin(struct reading *r)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    if (r->from->key == NULL)
        return PHI_OK;
    phi_sm2_public_get(r->from->key, xy);
    r->pinned.key = r->from->key;
    return phi_key_id_of(xy, r->pinned.key_serial);
}

enum phi_err ctl_topic_read(const struct ctl_topic *from, json_t *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char topic[PHI_TOPIC_MAX + 1];
    struct phi_topic_reader *reader = NULL;
    struct reading r = {.from = from, .out = out};
    snprintf(topic, sizeof(topic), "phi.%s.%s", from->region, from->stream);
    const struct phi_topic_reader_options options = {
        .bus = {.brokers = from->brokers, .client_id = "phictl"},
        .topic = topic,
        .record = on_record,
        .context = &r};
    PHI_GUARD(pin(&r));
    PHI_GUARD(phi_topic_reader_open(&options, &reader, error));
    err = phi_topic_reader_wait_caught_up(reader, phi_deadline_in_ms(READ_MS));
    if (err != PHI_OK)
        err = phi_error_set(error, err, topic, "no broker answers, or there is no such topic");
out:
    phi_topic_reader_close(reader);
    if (err == PHI_OK && r.err != PHI_OK)
        err = phi_error_set(error, r.err, topic, "a record that its owner did not sign");
    return err;
}

enum phi_err ctl_topic_key(const struct ctl_args *args, const char *name,
                           struct phi_sm2_public **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    *out = NULL;
    if (!ctl_has(args, name))
        return PHI_OK;
    PHI_GUARD(ctl_read_public(ctl_get(args, name), xy, error));
    PHI_GUARD(phi_sm2_public_new(xy, out));
out:
    return err;
}
