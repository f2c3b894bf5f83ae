/* POST /v1/me/erase: the person's data key is destroyed, and with it everything that was sealed
 * under it, wherever it lies. One statement in the call's commit: the key's end, the consents' end,
 * the basic information, what was sealed in the tables; its event goes with it. Coded facts and
 * grades stay, without anybody's name. */
#include "svc-declare/people/own.h"
#include "svc-declare/people/settled.h"

static enum phi_err find_key(struct phi_api_call *call, const uint8_t *subject,
                             struct phi_person_key *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_person_keys_find(conn, subject, phi_api_arena(call), out, error));
out:
    phi_store_release(conn);
    return err;
}

/* Without a key yet, its end is kept all the same: what was sealed before there were such keys is
 * not opened any more either. */
static int64_t end_of(int64_t version)
{
    return version % 2 == 1 ? version + 1 : version + 2;
}

static enum phi_err keep(struct phi_api_call *call, const struct phi_person_key *end)
{
    enum phi_err err = PHI_OK;
    struct phi_event event;
    const struct phi_param row[] = {PHI_BYTES_OF(end->subject, PHI_SUBJECT_LEN),
                                    PHI_I64(end->version), PHI_BYTES(end->wrapped),
                                    PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, TABLE_ERASURES, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(settled_end_consents(call, end->subject, PURPOSE_CODE));
    PHI_GUARD(keys_event(call, end, phi_api_arena(call), &event));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

enum phi_err declare_erase(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const words[] = {"erase"};
    struct phi_json_at body = phi_api_body(call);
    struct acting acting;
    struct phi_person_key key, end;
    char erased[PHI_RFC3339_MAX];
    size_t word = 0;
    PHI_GUARD(phi_json_enum(&body, "confirm", words, 1, &word, error));
    PHI_GUARD(acting_read(call, &acting, error));
    PHI_GUARD(find_key(call, acting.subject, &key, error));
    if (end_of(key.version) > PHI_PERSON_VERSION_MAX)
        return phi_error_set(error, PHI_ERR_STATE, "Phi-Identity", "erased too often");
    PHI_GUARD(phi_person_key_end(declare_of(call)->keys.health, acting.subject, end_of(key.version),
                                 phi_api_arena(call), &end));
    PHI_GUARD(keep(call, &end));
    phi_rfc3339_format(phi_api_now_us(call), erased);
    phi_api_data(call, json_pack("{s:s}", "erasedAt", erased));
out:
    return err;
}
