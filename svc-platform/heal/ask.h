/* Asking a province for a bucket again: a signed record on phi.<region>.directory.request.
 *
 *   PHI_GUARD(heal_ask(service, "320000", 163, now_us, tx));
 */
#ifndef SVC_PLATFORM_ASK_H
#define SVC_PLATFORM_ASK_H

#include "service/service.h"

/* Laid into the outbox within `tx`. PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CRYPTO. Any thread. */
enum phi_err heal_ask(struct phi_service *service, const char *region, uint16_t bucket,
                      int64_t now_us, struct phi_conn *tx) PHI_MUST_USE;

/* Asks for the digests of the buckets from `first` to `last`. */
enum phi_err heal_ask_digests(struct phi_service *service, const char *region, uint16_t first,
                              uint16_t last, int64_t now_us, struct phi_conn *tx) PHI_MUST_USE;
/* The same event for who lays it down otherwise; parts are the arena's. */
struct phi_event;
enum phi_err heal_ask_event(struct phi_service *service, const char *region, uint16_t bucket,
                            int64_t now_us, struct phi_arena *arena,
                            struct phi_event *event) PHI_MUST_USE;

/* POST /v1/platforms/{region}/healing: an operator, or the province itself, has a bucket listed. */
struct phi_api_call;
enum phi_err platform_heal_http(struct phi_api_call *call, struct phi_error *error);

#endif
