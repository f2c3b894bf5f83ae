/* Healing: a province's mark says what a bucket holds; the same bucket here is scanned in the
 * transaction that consumes the mark, and what differs is asked for again. The answer is a complete
 * listing of the bucket, between a begin and the next digest: within it the province's word counts,
 * and what it doesn't name goes.
 *
 *   heal_owns(heal, topic, partition, true);
 *   PHI_GUARD(heal_batch_open(heal, batch, tx, &it));       // once a batch, before its records
 *   int64_t listing = heal_listing(it, entry.subject);
 *   PHI_GUARD(heal_take(it, offset, &mark, tx));            // all before it is in the table
 *   heal_batch_close(it);
 *
 * Any thread, a batch being one thread's; blocks on the database.
 */
#ifndef SVC_PLATFORM_HEAL_H
#define SVC_PLATFORM_HEAL_H

#include "bus/consumer.h"
#include "codes/bucket.h"
#include "service/service.h"

struct heal;

struct heal *heal_new(struct phi_service *service); /* NULL when out of memory */
void heal_free(struct heal *heal);                  /* NULL is fine */

/* A partition comes or goes: marks that were sent before are not compared. */
void heal_owns(struct heal *heal, const char *topic, int32_t partition, bool is_owner);

struct heal_batch;
/* Where the batch stands, and which listings are under way in its region. The batch is borrowed.
 * PHI_ERR_STORE, PHI_ERR_MEMORY. */
enum phi_err heal_batch_open(struct heal *heal, const struct phi_batch *batch, struct phi_conn *tx,
                             struct heal_batch **out) PHI_MUST_USE;
/* The rebuild under way (rebuild/rebuild.h); 0: none. */
int64_t heal_rebuild(const struct heal_batch *it);
void heal_batch_close(struct heal_batch *it); /* NULL is fine */
/* The listing that an entry of this batch's region is part of; 0: of none. */
int64_t heal_listing(const struct heal_batch *it, const uint8_t subject[PHI_SUBJECT_LEN]);
/* A mark whose signature and region were checked. PHI_ERR_STORE, PHI_ERR_MEMORY, PHI_ERR_CRYPTO. */
enum phi_err heal_take(struct heal_batch *it, int64_t offset, const struct phi_bucket_mark *mark,
                       struct phi_conn *tx) PHI_MUST_USE;

/* What this region's bucket holds here. */
enum phi_err heal_scan(struct phi_conn *conn, const char *region, uint16_t bucket,
                       struct phi_bucket_sum *out) PHI_MUST_USE;

/* A mark's JSON; refuses what is not of its form. */
struct phi_arena;
enum phi_err heal_mark_read(struct phi_view json, struct phi_arena *arena,
                            struct phi_bucket_mark *out, struct phi_error *error) PHI_MUST_USE;

#endif
