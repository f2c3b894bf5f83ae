/* What the tests of auth share: an owner's key, records signed by it, a registry of a few callers.
 */
#ifndef PHI_TESTS_UNIT_TEST_AUTH_SUPPORT_H
#define PHI_TESTS_UNIT_TEST_AUTH_SUPPORT_H

#include "auth/registry.h"

#define TEST_TOPIC   "phi.320000.access.registry"
#define TEST_NOW_US  INT64_C(1700000000000000)
#define TEST_CITIZEN "https://id.example/citizens"
#define TEST_STAFF   "https://id.example/staff"

struct test_key {
    struct phi_sm2_private *private_key;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    char hex[2 * PHI_SM2_PUBLIC_LEN + 1];
    char serial[17];
};

void test_key_make(struct test_key *key);
void test_key_drop(struct test_key *key);

/* Signs and applies; gives what phi_registry_apply gave. */
enum phi_err test_put(struct phi_registry *registry, const struct test_key *owner, const char *key,
                      uint64_t version, const char *value);
struct phi_record test_record(const struct test_key *owner, const char *topic, const char *key,
                              uint64_t version, const char *value, struct phi_arena *arena);

/* An app "hz-app" with this key; status "active" or "suspended". The caller frees. */
char *test_app_json(const struct test_key *app, const char *status);
struct phi_registry *test_registry(const struct test_key *owner);

#endif
