/* Audit events on phi.<region>.audit, signed by the operator's key. */
#include "phictl/key/folder.h"

#include "base/time.h"
#include "bus/producer.h"
#include "bus/signed.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define BUS_WAIT_MS   10000
#define PUBLISH_ARENA (4 * 1024 * 1024)

struct publisher {
    char topic[64];
    char source[64];
    struct phi_sm2_private *key;
    char key_serial[PHI_KEY_ID_LEN + 1];
    struct phi_producer *producer;
    struct phi_arena *arena;
    atomic_int failed;
};

static enum phi_err read_signer(const struct ctl_args *args, struct publisher *publisher,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char password[CTL_LINE_MAX + 1];
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    const char *password_file = ctl_get(args, "audit-password-file");
    if (password_file == NULL)
        password_file = ctl_get(args, "password-file");
    PHI_GUARD(ctl_read_line(password_file, true, password, error));
    PHI_GUARD(phi_key_read_sm2(ctl_get(args, "audit-key"), password, &publisher->key, error));
    phi_sm2_private_public(publisher->key, xy);
    PHI_GUARD(phi_key_id_of(xy, publisher->key_serial));
out:
    phi_wipe(password, sizeof(password));
    return err;
}

static void on_done(void *context, enum phi_err err)
{
    struct publisher *publisher = context;
    if (err != PHI_OK)
        (void)atomic_fetch_add(&publisher->failed, 1);
}

static enum phi_err send(struct publisher *publisher, struct phi_view step, const char *key,
                         int64_t now_us)
{
    enum phi_err err = PHI_OK;
    const struct phi_signer signer = {.key_serial = publisher->key_serial, .key = publisher->key};
    struct phi_event event = {.topic = publisher->topic,
                              .type = "cn.phi.audit",
                              .source = publisher->source,
                              .time_us = now_us,
                              .key = phi_view_text(key),
                              .value = step};
    PHI_GUARD(phi_event_new_id(&event));
    PHI_GUARD(phi_signed_add(&event, &signer, (uint64_t)now_us, publisher->arena));
    PHI_GUARD(phi_producer_send(publisher->producer, &event, on_done, publisher));
out:
    return err;
}

static enum phi_err open_bus(const struct ctl_args *args, struct publisher *publisher,
                             struct phi_error *error)
{
    const struct phi_producer_options options = {
        .bus = {.brokers = ctl_get(args, "audit-bus"), .client_id = "phictl"},
        .message_deadline_ms = BUS_WAIT_MS,
    };
    (void)snprintf(publisher->topic, sizeof(publisher->topic), "phi.%s.audit",
                   ctl_get(args, "region"));
    (void)snprintf(publisher->source, sizeof(publisher->source), "/phi/%s/phictl",
                   ctl_get(args, "region"));
    publisher->arena = phi_arena_new(PUBLISH_ARENA);
    if (publisher->arena == NULL)
        return PHI_ERR_MEMORY;
    return phi_producer_open(&options, &publisher->producer, error);
}

enum phi_err key_publish(const struct ctl_args *args, const struct phi_view *steps,
                         char (*keys)[PHI_KEY_ID_LEN + 1], size_t count, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct publisher publisher = {.key = NULL};
    int64_t now_us = phi_clock_now_us(NULL);
    PHI_GUARD(read_signer(args, &publisher, error));
    PHI_GUARD(open_bus(args, &publisher, error));
    for (size_t i = 0; i < count; i++)
        PHI_GUARD(send(&publisher, steps[i], keys[i], now_us + (int64_t)i));
    PHI_GUARD(phi_producer_flush(publisher.producer, phi_deadline_in_ms(BUS_WAIT_MS + 1000)));
    if (atomic_load(&publisher.failed) > 0)
        err = PHI_ERR_BUS;
out:
    if (err != PHI_OK && (error == NULL || error->code == PHI_OK))
        (void)phi_error_set(error, err, publisher.topic, "the step is done and not published");
    phi_producer_close(publisher.producer);
    phi_sm2_private_free(publisher.key);
    phi_arena_free(publisher.arena);
    return err;
}
