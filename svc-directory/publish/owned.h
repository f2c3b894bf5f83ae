/* Which partitions of the subject-keyed topics this replica owns: of those it grades the due and
 * publishes the entries. The consumer's thread says, others ask.
 *
 *   owned_set(&directory->owned, 3, true);          // once for each topic
 *   PHI_GUARD(owned_array(&directory->owned, &array));
 *
 * Any thread; nothing blocks. A partition counts as owned while any of its topics is.
 */
#ifndef SVC_DIRECTORY_OWNED_H
#define SVC_DIRECTORY_OWNED_H

#include "store/store.h"

#include <pthread.h>

#define OWNED_MAX 4096

struct owned {
    pthread_mutex_t lock;
    unsigned topics[OWNED_MAX];
};

void owned_init(struct owned *owned);
void owned_fini(struct owned *owned);
void owned_set(struct owned *owned, int32_t partition, bool is_owner);
bool owned_has(struct owned *owned, int32_t partition);
/* The numbers in order, for a query; the caller frees. PHI_ERR_MEMORY. */
enum phi_err owned_array(struct owned *owned, struct phi_array **out) PHI_MUST_USE;

#endif
