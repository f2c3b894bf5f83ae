/* The comparison at the end of a rebuild: a province is asked for the digests of so many buckets at
 * once and no more, further ones as answers come, and again for those that stay away. What differs
 * is listed (heal/heal.h). A province that answers nothing for PHI_REBUILD_PATIENCE_S is given up,
 * and a bucket that stays different for so long is left to the ordinary turn.
 *
 *   PHI_GUARD(window_open(tx, id));           // once all is read
 *   PHI_GUARD(window_start(platform));        // a thread
 *   window_stop(platform);
 */
#ifndef SVC_PLATFORM_WINDOW_H
#define SVC_PLATFORM_WINDOW_H

#include "svc-platform/platform.h"

#define WINDOW_BUCKETS 256
#define WINDOW_AGAIN_S 5 /* without news of any of them, all that are open are asked for again */

#define WINDOW_ROW                                                                                 \
    {                                                                                              \
        .name = "PHI_REBUILD_PATIENCE_S", .type = PHI_CONFIG_INT, .fallback = "120", .min = 1,     \
        .max = 86400, .unit = "s",                                                                 \
        .text = "how long a rebuild waits for a province whose digests don't come, or for a "      \
                "bucket that stays different, before it goes on without"                           \
    }

/* A row for every province of the rebuild. PHI_ERR_STORE. */
enum phi_err window_open(struct phi_conn *tx, int64_t rebuild) PHI_MUST_USE;

/* The thread that asks; replicas take turns, a province at a time. PHI_ERR_MEMORY. */
enum phi_err window_start(struct platform *platform) PHI_MUST_USE;
void window_stop(struct platform *platform);

#endif
