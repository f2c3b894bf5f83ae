/* Inside the room only: what its files share about librdkafka.
 *
 *   PHI_GUARD(phi_kafka_conf_new(&options->bus, &conf, error));
 *   PHI_GUARD(phi_kafka_conf_set(conf, "acks", "all", error));
 *   PHI_GUARD(phi_kafka_open(RD_KAFKA_PRODUCER, &conf, &handle, error));
 */
#ifndef PHI_BUS_BUS_INTERNAL_H
#define PHI_BUS_BUS_INTERNAL_H

#include "bus/bus.h"
#include "bus/event.h"
#include "bus/producer.h"
#include "crypto/random.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>

/* Options common to every client; the caller destroys the conf unless phi_kafka_open takes it. */
enum phi_err phi_kafka_conf_new(const struct phi_bus_options *options, rd_kafka_conf_t **out,
                                struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                struct phi_error *error) PHI_MUST_USE;
enum phi_err phi_kafka_conf_int(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                struct phi_error *error) PHI_MUST_USE;
/* Takes *conf over (and sets it to NULL) on success. */
enum phi_err phi_kafka_open(rd_kafka_type_t type, rd_kafka_conf_t **conf, rd_kafka_t **out,
                            struct phi_error *error) PHI_MUST_USE;

enum phi_err phi_kafka_err(rd_kafka_resp_err_t err);
/* One round trip to any broker; blocks up to `timeout_ms`. */
bool phi_kafka_answers(rd_kafka_t *handle, int timeout_ms);

/* A record as the room's callers see it: parts stay borrowed from `from`. */
void phi_kafka_msg(const rd_kafka_message_t *from, struct phi_msg *to);
/* phi_event_headers with the texts that are made for it in the caller's hands; gives their count.
 */
struct phi_event_texts {
    char id[PHI_UUID_TEXT_LEN + 1];
    char time[PHI_RFC3339_MAX];
};
size_t phi_event_headers_in(const struct phi_event *event, struct phi_event_texts *texts,
                            struct phi_header *headers);
/* Headers of an event for producing; NULL when out of memory. */
rd_kafka_headers_t *phi_kafka_headers(const struct phi_event *event);

/* phi_producer_send for an event that has been checked: one with a row in the outbox. */
enum phi_err phi_producer_send_checked(struct phi_producer *producer, const struct phi_event *event,
                                       void (*done)(void *context, enum phi_err err),
                                       void *context) PHI_MUST_USE;

/* Condition variables that wait on the clock of struct phi_deadline. */
void phi_bus_cond_init(pthread_cond_t *cond);
/* Waits for a signal until `deadline`; false when it passed. */
bool phi_bus_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, struct phi_deadline deadline);

#endif
