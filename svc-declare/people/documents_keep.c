/* A changed link into the call's commit: its row, a number of everyone whom it touches, and a fact
 * about each of the two. */
#include "svc-declare/people/documents.h"
#include "svc-declare/people/settled.h"

#include "codes/mask.h"
#include "json/canonical.h"

#include <string.h>

static enum phi_err find_keys(struct phi_api_call *call, struct documents_link *link,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    for (size_t i = 0; i < 2; i++)
        PHI_GUARD(keys_for_person(call, conn, link->sides[i].subject, &link->sides[i].key, error));
out:
    phi_store_release(conn);
    return err;
}

/* What one side is told of the other, sealed under its own key. */
static enum phi_err seal_view(struct phi_api_call *call, const struct documents_side *of,
                              const struct documents_side *about, struct phi_view *sealed)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = phi_api_arena(call);
    const struct phi_person *person = &about->person;
    struct phi_view masked = phi_view_text("*"), plain;
    enum phi_err found = phi_mask_id_no(person->id_no, arena, &masked);
    PHI_GUARD(found == PHI_ERR_FIELD_VALUE ? PHI_OK : found);
    json_t *json = json_pack("{s:s%, s:s%, s:s%}", "idType", (const char *)person->id_type.data,
                             person->id_type.len, "idNo", (const char *)masked.data, masked.len,
                             "country", (const char *)person->country.data, person->country.len);
    PHI_GUARD(phi_json_keep(arena, json));
    PHI_GUARD(phi_json_canonical(json, arena, &plain));
    PHI_GUARD(phi_person_seal(declare_of(call)->keys.health, &of->key, DOCUMENTS_VIEW, plain, arena,
                              sealed));
out:
    return err;
}

static enum phi_err tell_link(struct phi_api_call *call, const struct documents_link *link,
                              const char *proof, const struct phi_view *views)
{
    char id[2 * DOCUMENTS_LINK_LEN + 1], greater[2 * PHI_SUBJECT_LEN + 1];
    phi_hex_encode(phi_view_of(link->link_id, DOCUMENTS_LINK_LEN), id);
    phi_hex_encode(phi_view_of(link->sides[1].subject, PHI_SUBJECT_LEN), greater);
    return settled_tell(call, link->sides[0].subject, SETTLED_LINK,
                        json_pack("{s:s, s:s, s:I, s:b, s:s, s:s, s:s}", "linkId", id, "greater",
                                  greater, "revision", (json_int_t)link->revision, "isLinked",
                                  link->is_linked, "proof", proof, "lesserView",
                                  settled_base64(phi_api_arena(call), views[0]), "greaterView",
                                  settled_base64(phi_api_arena(call), views[1])));
}

static enum phi_err keep_link(struct phi_api_call *call, const struct documents_link *link,
                              const char *proof)
{
    enum phi_err err = PHI_OK;
    struct phi_view views[2] = {phi_view_text(""), phi_view_text("")};
    for (int i = 0; i < 2 && link->is_linked; i++)
        PHI_GUARD(seal_view(call, &link->sides[i], &link->sides[1 - i], &views[i]));
    const struct phi_param row[] = {PHI_BYTES_OF(link->link_id, DOCUMENTS_LINK_LEN),
                                    PHI_BYTES_OF(link->sides[0].subject, PHI_SUBJECT_LEN),
                                    PHI_BYTES_OF(link->sides[1].subject, PHI_SUBJECT_LEN),
                                    PHI_I64(link->revision),
                                    PHI_BOOL(link->is_linked),
                                    PHI_TEXT(proof),
                                    PHI_BYTES(views[0]),
                                    PHI_BYTES(views[1]),
                                    PHI_I64(phi_api_now_us(call))};
    PHI_GUARD(phi_api_row(call, TABLE_LINKS, row, sizeof(row) / sizeof(row[0])));
    PHI_GUARD(tell_link(call, link, proof, views));
out:
    return err;
}

static enum phi_err keep_changes(struct phi_api_call *call, const struct documents_link *link)
{
    enum phi_err err = PHI_OK;
    for (size_t i = 0; i < link->member_count; i++) {
        const struct documents_member *member = &link->members[i];
        const struct phi_param row[] = {PHI_BYTES_OF(member->subject, PHI_SUBJECT_LEN),
                                        PHI_I64(member->changes + 1),
                                        PHI_BYTES_OF(link->link_id, DOCUMENTS_LINK_LEN)};
        PHI_GUARD(phi_api_row(call, TABLE_LINK_CHANGES, row, sizeof(row) / sizeof(row[0])));
    }
out:
    return err;
}

static enum phi_err make_content(struct phi_api_call *call, const struct documents_link *link,
                                 int side, const char *proof, json_t **out)
{
    enum phi_err err = PHI_OK;
    char id[2 * DOCUMENTS_LINK_LEN + 1], other[2 * PHI_SUBJECT_LEN + 1];
    phi_hex_encode(phi_view_of(link->link_id, DOCUMENTS_LINK_LEN), id);
    phi_hex_encode(phi_view_of(link->sides[1 - side].subject, PHI_SUBJECT_LEN), other);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s}", "linkId", id, "other", other, "state",
                             link->is_linked ? "linked" : "unlinked", "proof", proof);
    PHI_GUARD(phi_json_keep(phi_api_arena(call), json));
    *out = json;
out:
    return err;
}

/* About one side: subjects and words only, nothing personal. */
static enum phi_err make_fact(struct phi_api_call *call, const struct documents_link *link,
                              int side, const char *proof, struct fact *out)
{
    enum phi_err err = PHI_OK;
    char id[2 * DOCUMENTS_LINK_LEN + 1];
    phi_hex_encode(phi_view_of(link->link_id, DOCUMENTS_LINK_LEN), id);
    *out = (struct fact){.stream = DOCUMENTS_STREAM,
                         .institution = DOCUMENTS_INSTITUTION,
                         .record_no = phi_arena_printf(phi_api_arena(call), "%s.%d", id, side + 1),
                         .revision = (uint32_t)link->revision,
                         .observed_us = phi_api_now_us(call),
                         .recorded_us = phi_api_now_us(call)};
    PHI_GUARD(out->record_no == NULL ? PHI_ERR_MEMORY : PHI_OK);
    memcpy(out->subject, link->sides[side].subject, PHI_SUBJECT_LEN);
    PHI_GUARD(make_content(call, link, side, proof, &out->content));
out:
    return err;
}

static enum phi_err send_fact(struct phi_api_call *call, struct fact *fact)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = phi_api_service(call);
    const struct fact_keys *keys = &declare_of(call)->keys;
    struct phi_event event;
    PHI_GUARD(fact_identify(keys, phi_service_region(service), phi_api_arena(call), fact));
    PHI_GUARD(fact_complete(keys, phi_service_region(service),
                            phi_service_topic(service, DOCUMENTS_STREAM), phi_api_arena(call), fact,
                            &event));
    PHI_GUARD(phi_api_event(call, &event));
out:
    return err;
}

enum phi_err documents_keep(struct phi_api_call *call, struct documents_link *link, bool is_linked,
                            const struct documents_by *by, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    if (is_linked)
        PHI_GUARD(find_keys(call, link, error));
    link->revision++;
    link->is_linked = is_linked;
    PHI_GUARD(keep_changes(call, link));
    PHI_GUARD(keep_link(call, link, by->proof));
    for (int side = 0; side < 2; side++) {
        struct fact fact;
        PHI_GUARD(make_fact(call, link, side, by->proof, &fact));
        PHI_GUARD(send_fact(call, &fact));
        PHI_GUARD(look_keep(call, link->sides[side].subject,
                            is_linked ? "documents-linked" : "documents-unlinked", by->who));
    }
out:
    return err;
}
