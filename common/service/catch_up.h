/* A database restored from a backup catches up with what this service had told of since: its own
 * topics are read again into its tables, before it opens.
 *
 *   static const struct phi_catch_up_stream streams[] = {
 *       {.stream = "code.verified", .keep = keep}};
 *   PHI_GUARD(phi_service_catch_up(service, streams, 1, error));            // in start
 *
 * While a replica runs, the database knows by the table `alive` how new it is, to seconds. At a
 * start the records since then, and of a few seconds before, are looked at: after an ordinary stop
 * they are all kept, and that is all. Where one is missing the database is a backup's, and
 * everything from an hour before its time is read. What is there stays as it is, so it may be done
 * again, and by several replicas at once. A database made anew is no backup: nothing is read.
 */
#ifndef PHI_SERVICE_CATCH_UP_H
#define PHI_SERVICE_CATCH_UP_H

#include "bus/event.h"
#include "service/service.h"

struct phi_catch_up_stream {
    const char *stream;
    /* Puts what the record tells of into the tables, in the caller's transaction, unless it is
     * there; `is_new` when it was not. What is not this service's own record (unsigned, of another
     * kind) is passed over with PHI_OK. The reader's thread, while start waits. */
    enum phi_err (*keep)(struct phi_service *service, const struct phi_msg *msg,
                         struct phi_conn *tx, struct phi_arena *arena, bool *is_new,
                         struct phi_error *error);
    size_t room; /* bytes of an arena for one record; 0: 256 KiB */
};

/* Blocks while it reads; the streams in their order. Without a broker it says so and gives up after
 * a few seconds: a broker that is away must stop nobody, and the next start looks again.
 * PHI_ERR_CONFIG: a topic keeps its records for less than the backup's age and 48 hours, so some
 * may be gone already; PHI_ERR_STORE; those of `keep`. */
enum phi_err phi_service_catch_up(struct phi_service *service,
                                  const struct phi_catch_up_stream *streams, size_t count,
                                  struct phi_error *error) PHI_MUST_USE;

#endif
