/* The trace mark of a picture (数字水印, GB/T 38961 4.3): which platform drew it, for which app, in
 * which minute, hidden as faint squares in the coloured ground, so that a leaked screenshot leads
 * back to where it came from. Only who holds the platform's mark key can read one or make one.
 *
 *   PHI_GUARD(phi_mark_key_new(secret, &key));
 *   PHI_GUARD(phi_mark_app("citizen-app", mark.app));            // beside platform and time_s
 *   PHI_GUARD(phi_mark_signs(key, &mark, rows, signs));          // what the painter lays down
 *   PHI_GUARD(phi_mark_trace(key, &grey, &trace));               // what phictl finds again
 *
 * docs/pictures.md has the bytes and the geometry.
 */
#ifndef PHI_PICTURE_MARK_H
#define PHI_PICTURE_MARK_H

#include "picture/raster.h"

#define PHI_MARK_SECRET_LEN 32 /* of a platform's key; 16 to 64 would do */
#define PHI_MARK_APP_LEN    5
#define PHI_MARK_BLOCK_LEN  16
#define PHI_MARK_COLUMNS    60 /* squares across a picture, whatever its width */
#define PHI_MARK_ROWS_MAX   240
#define PHI_MARK_AMPLITUDE  2            /* levels of 255 that a square is lighter or darker */
#define PHI_MARK_CODED_BITS 536          /* (128 + 6) steps of four bits */
#define PHI_MARK_TIME_MIN_S 1577836800LL /* 2020-01-01T00:00:00Z, minute 0 */
#define PHI_MARK_TIME_MAX_S (PHI_MARK_TIME_MIN_S + 16777215LL * 60 + 59)

struct phi_mark_key; /* opaque; immutable once made, so any thread may use it */

/* `secret` has 16..64 bytes and may be wiped afterwards; the caller frees the result.
 * PHI_ERR_KEY, PHI_ERR_CRYPTO, PHI_ERR_MEMORY. Costs a millisecond; pure. */
enum phi_err phi_mark_key_new(struct phi_view secret, struct phi_mark_key **out) PHI_MUST_USE;
/* Counts what is done with the key from now on; before other threads have it. */
struct phi_counter;
void phi_mark_key_count(struct phi_mark_key *key, struct phi_counter *uses);
void phi_mark_key_free(struct phi_mark_key *key); /* wipes; NULL is fine */

struct phi_mark {
    char platform[7];              /* six digits */
    uint8_t app[PHI_MARK_APP_LEN]; /* phi_mark_app of the registry's app id */
    int64_t time_s;                /* since 1970; read back to the minute */
};

/* The first 5 bytes of SM3(app id). PHI_ERR_CRYPTO, PHI_ERR_MEMORY. */
enum phi_err phi_mark_app(struct phi_view app_id, uint8_t out[PHI_MARK_APP_LEN]) PHI_MUST_USE;

/* Rows of squares in a picture of this form: squares are as square as whole rows allow. 0 for a
 * form that has no mark (over four times as high as wide, or empty). */
int phi_mark_rows(int width, int height);

/* +1 or -1 for each of rows × PHI_MARK_COLUMNS squares, row by row. PHI_ERR_FIELD_VALUE for a
 * platform that isn't six digits, a time out of bounds or wrong rows; PHI_ERR_CRYPTO. Any
 * thread. */
enum phi_err phi_mark_signs(const struct phi_mark_key *key, const struct phi_mark *mark, int rows,
                            int8_t *signs) PHI_MUST_USE;

struct phi_mark_trace {
    struct phi_mark mark;
    int squares; /* that could be judged */
    int wrong;   /* of these, with a sign other than what was laid down */
};

/* Reads the mark of a picture that may have been compressed and scaled, but not cut.
 * PHI_ERR_NOT_FOUND when there is none of this key; PHI_ERR_MEMORY, PHI_ERR_CRYPTO. Any thread;
 * some milliseconds a megapixel. */
enum phi_err phi_mark_trace(const struct phi_mark_key *key, const struct phi_raster *grey,
                            struct phi_mark_trace *out) PHI_MUST_USE;

#endif
