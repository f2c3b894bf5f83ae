/* The query RPC of a province (5104): another province's directory asks about a person of ours,
 * with a receipt of ours whose audience it is: masked identity, our entry, what the scope allows.
 */
#include "svc-directory/query/details.h"
#include "svc-directory/query/query.h"

#include "base/metrics.h"
#include "service/receipts.h"

#include <string.h>

/* A receipt of this platform, for the asking platform, about somebody. */
static enum phi_err check_receipt(struct directory *directory, const struct phi_query_ask *ask,
                                  struct phi_receipt *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_service_receipt_read(directory->service, ask->request->receipt, out, error));
    bool is_ours = strcmp(out->issuer, phi_service_region(directory->service)) == 0;
    if (!is_ours || !out->has_subject || !phi_receipt_has_audience(out, ask->peer->platform))
        err = phi_error_set(error, PHI_ERR_RECEIPT, "receipt", "not ours, or not for this caller");
out:
    return err;
}

/* Never more than the code's holder, the receipt and the caller's row allow. */
static bool shows_details(const struct phi_query_ask *ask, const struct phi_receipt *receipt)
{
    return receipt->scope == PHI_SCOPE_MEDICAL &&
           (ask->peer->scopes & (1u << PHI_SCOPE_MEDICAL)) != 0;
}

static enum phi_err read_person(struct directory *directory, struct phi_conn *conn,
                                const struct phi_query_ask *ask, const struct phi_receipt *receipt,
                                json_t *answer, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct person_entry entry;
    struct person_identity identity;
    json_t *entries = json_array(), *details = NULL;
    int64_t now_us = phi_clock_now_us(phi_service_clock(directory->service));
    PHI_GUARD(json_object_set_new(answer, "entries", entries) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(person_entry_read(directory, conn, receipt->subject, ask->arena, &entry, error));
    PHI_GUARD(
        person_identity_read(directory, conn, receipt->subject, ask->arena, &identity, error));
    if (entry.is_there && !entry.is_withdrawn)
        PHI_GUARD(
            json_array_append_new(entries, person_entry_json(phi_service_region(directory->service),
                                                             phi_service_region(directory->service),
                                                             &entry)) == 0
                ? PHI_OK
                : PHI_ERR_MEMORY);
    PHI_GUARD(json_object_set_new(answer, "holder", person_holder_json(&identity)) == 0
                  ? PHI_OK
                  : PHI_ERR_MEMORY);
    if (!shows_details(ask, receipt))
        goto out;
    PHI_GUARD(details_read(directory, conn, receipt->subject, now_us, &details, error));
    PHI_GUARD(json_object_set_new(answer, "details", details) == 0 ? PHI_OK : PHI_ERR_MEMORY);
out:
    return err;
}

enum phi_err home_answer(void *context, const struct phi_query_ask *ask, json_t **out,
                         struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct directory *directory = context;
    struct phi_conn *conn = NULL;
    struct phi_receipt receipt;
    if (ask->request->operation != PHI_QUERY_QUERY)
        return phi_error_set(error, PHI_ERR_FORBIDDEN, "operation", "not of this door");
    json_t *answer = json_object();
    PHI_GUARD(answer == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_keep(ask->arena, answer));
    PHI_GUARD(check_receipt(directory, ask, &receipt, error));
    PHI_GUARD(phi_store_acquire(phi_service_store(directory->service), ask->deadline, &conn));
    PHI_GUARD(read_person(directory, conn, ask, &receipt, answer, error));
    *out = answer;
out:
    phi_store_release(conn);
    phi_counter_add(directory->asked[err == PHI_OK], 1);
    return err;
}
