/* Data keys of persons, kept wrapped; and what is sealed under a key that was destroyed goes. */
#include "svc-directory/facts/intake.h"

/* Only what was sealed before the erasure: a fact of after it may have come first. */
static enum phi_err forget(struct intake *in, const struct phi_array *erased)
{
    const struct phi_param param = PHI_ARRAY(erased);
    if (phi_array_count(erased) == 0)
        return PHI_OK;
    return phi_conn_exec(
        in->tx, "people_forget",
        "UPDATE people p SET identity_sealed = '' FROM person_keys k WHERE k.subject = p.subject "
        "AND p.subject = ANY ($1::bytea[]) AND octet_length(p.identity_sealed) > 4 AND ('x' || "
        "encode(substring(p.identity_sealed FOR 4), 'hex'))::bit(32)::bigint NOT BETWEEN k.version "
        "+ "
        "1 - k.version % 2 AND 65535",
        &param, 1, NULL, &in->error);
}

enum phi_err intake_keys(struct intake *in)
{
    enum phi_err err = PHI_OK;
    struct directory *directory = in->directory;
    size_t dead = 0;
    struct phi_array *erased = phi_array_new(PHI_COLUMN_BYTES);
    PHI_GUARD(erased == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_person_keys_take(
        in->tx, in->batch->msgs, in->batch->count, phi_service_region(directory->service),
        directory->keys.health, directory->dlq, in->now_us, in->arena, erased, &dead, &in->error));
    in->tally[TALLY_DEAD] += dead;
    PHI_GUARD(forget(in, erased));
out:
    phi_array_free(erased);
    return err;
}
