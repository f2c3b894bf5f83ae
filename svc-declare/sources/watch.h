/* Watches the sources that have a rhythm: tells svc-directory until when each is fresh
 * (reference.sources), and raises the alarm when one is silent: a log line, the gauge
 * phi_source_silent and an event on audit.
 *
 *   PHI_GUARD(watch_open(service, &declare->watch, error));   // reads PHI_RHYTHMS_FILE
 *   PHI_GUARD(watch_start(declare->watch));
 *   watch_close(declare->watch);                              // NULL is fine
 *
 * It also tells what officers approved (retraction.h). One thread of its own; among replicas the
 * one that holds the lock of the moment writes.
 */
#ifndef SVC_DECLARE_WATCH_H
#define SVC_DECLARE_WATCH_H

#include "service/service.h"

struct watch;

/* PHI_ERR_CONFIG with the variable's name; PHI_ERR_MEMORY. */
enum phi_err watch_open(struct phi_service *service, struct watch **out,
                        struct phi_error *error) PHI_MUST_USE;
enum phi_err watch_start(struct watch *watch) PHI_MUST_USE; /* PHI_ERR_MEMORY */
void watch_close(struct watch *watch);

#endif
