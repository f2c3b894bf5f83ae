/* Records on their way to the topic, and the waiting for them: what is still on its way when the
 * waiting ends keeps the object.
 *
 *   struct push_sending *sending = push_sending_new();
 *   PHI_GUARD(push_send(sending, service, &msg, false));
 *   PHI_GUARD(push_wait(sending, deadline));
 *   push_sending_drop(sending);
 */
#ifndef SVC_PLATFORM_SEND_H
#define SVC_PLATFORM_SEND_H

#include "service/service.h"

struct push_sending;

struct push_sending *push_sending_new(void);          /* NULL when out of memory */
void push_sending_drop(struct push_sending *sending); /* NULL is fine */
/* The record with the headers that it has, as an event. Errors of phi_producer_send. */
enum phi_err push_send(struct push_sending *sending, struct phi_service *service,
                       const struct phi_msg *msg, bool is_mark) PHI_MUST_USE;
/* The first error of those sent, or PHI_ERR_DEADLINE. Blocks. */
enum phi_err push_wait(struct push_sending *sending, struct phi_deadline deadline) PHI_MUST_USE;

#endif
