/* One record of the callers' registry, parsed: immutable, counted, shared by snapshots. Inside auth
 * only. */
#ifndef PHI_AUTH_REGISTRY_RECORD_H
#define PHI_AUTH_REGISTRY_RECORD_H

#include "auth/registry.h"

#include <stdatomic.h>

enum phi_registry_kind {
    PHI_REG_APP,
    PHI_REG_PEER,
    PHI_REG_PROVIDER,
    PHI_REG_STAFF,
    PHI_REG_CALLER,
    PHI_REG_KINDS
};

struct phi_registry_record {
    atomic_int refs;
    struct phi_arena *arena; /* holds the record itself too */
    const char *key;
    uint64_t version;
    enum phi_registry_kind kind;
    bool active;
    union {
        struct phi_registry_app app;
        struct phi_registry_peer peer;
        struct phi_registry_provider provider;
        struct phi_registry_staff staff;
        int64_t restored_us; /* of a caller */
    };
};

/* With one reference. PHI_ERR_JSON, PHI_ERR_FIELD_*, PHI_ERR_KEY, PHI_ERR_MEMORY. Pure. */
enum phi_err phi_registry_record_new(struct phi_view key, uint64_t version, struct phi_view value,
                                     struct phi_registry_record **out,
                                     struct phi_error *error) PHI_MUST_USE;
void phi_registry_record_hold(struct phi_registry_record *record);
void phi_registry_record_release(struct phi_registry_record *record); /* NULL is fine */

#endif
