/* A crypto machine in software behind GM/T 0018, for tests: OpenSSL does the work, nothing is kept
 * safe. Two environment variables steer it:
 *
 *   PHI_SDF_SOFT_KEYS     a file of lines "sign INDEX PASSWORD SCALAR-HEX" and "kek INDEX KEY-HEX"
 *   PHI_SDF_SOFT_CONTROL  a file that is read at every call, absent or empty: all works. Else
 *                         one line "FAULT FUNCTION [SKIP [COUNT]]": of the calls of that function
 *                         since the file was written the first SKIP are spared, and COUNT after
 *                         them (default: all) meet the fault.
 *
 * FAULT is `fail` (HARDFAIL), `busy` (NOBUFFER), `hangup` (COMMFAIL, and every session that is open
 * is dead from then on), `hang` (until the file changes), `wrong` (a result that is not one) or
 * `deny` (PARDENY). FUNCTION is the standard's name, "SDF_InternalSign_ECC", or `all`.
 */
#ifndef PHI_TESTS_SDF_SOFT_H
#define PHI_TESTS_SDF_SOFT_H

#include "crypto/sdf/gmt0018.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOFT_KEYS_MAX     32
#define SOFT_PASSWORD_MAX 64

struct soft_key {
    bool is_kek;
    uint32_t index;
    char password[SOFT_PASSWORD_MAX + 1];
    uint8_t secret[32]; /* a scalar, or 16 bytes of a KEK */
};

/* soft_keys.c; reads the file once. NULL when there is none of that index. */
const struct soft_key *soft_key_find(bool is_kek, uint32_t index);

/* soft_fault.c: what the call should give; GMT0018_OK to go on. `*is_wrong` when the result should
 * be spoilt. */
int soft_fault(const char *function, bool *is_wrong);
/* Sessions opened before the last hang-up are dead. */
unsigned soft_epoch(void);

#endif
