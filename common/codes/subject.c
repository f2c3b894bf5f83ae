#include "codes/subject.h"

#include "base/text.h"
#include "codes/canonical.h"
#include "codes/idtype.h"

#include <string.h>

enum phi_err phi_canonical_person(const struct phi_person *person, struct phi_arena *arena,
                                  struct phi_canonical *out, struct phi_error *error)
{
    if (person->id_type.len != 3 || !phi_text_is_utf8(person->id_type))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "idType", "not three digits");
    if (person->id_no.len == 0 || person->id_no.len > PHI_CANONICAL_ID_NO_MAX ||
        !phi_text_is_utf8(person->id_no))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "idNo", "empty, too long or not UTF-8");
    if (person->country.len != 3 || !phi_text_is_utf8(person->country))
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "country", "not three letters");
    enum phi_err err = PHI_OK;
    struct phi_view text;
    PHI_GUARD(phi_text_nfkc_upper(person->id_type, arena, &text));
    out->id_type = phi_arena_text(arena, text);
    PHI_GUARD(phi_text_nfkc_upper(person->country, arena, &text));
    out->country = phi_arena_text(arena, text);
    PHI_GUARD(phi_text_nfkc_upper(person->id_no, arena, &out->id_no));
    if (!out->id_type || !out->country)
        return PHI_ERR_MEMORY;
    PHI_GUARD(phi_idtype_check(out->id_type, out->id_no, out->country, error));
out:
    return err;
}

static bool is_residence_card(const struct phi_canonical *person)
{
    return strcmp(person->id_type, "553") == 0 ||
           (strcmp(person->id_type, "516") == 0 && phi_idtype_is_residence_card(person->id_no));
}

enum phi_err phi_subject_canonical(const struct phi_person *person, struct phi_arena *arena,
                                   struct phi_view *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_canonical found = {.id_type = "", .country = ""};
    uint8_t longer[18];
    PHI_GUARD(phi_canonical_person(person, arena, &found, error));
    struct phi_view id_no = found.id_no;
    if (strcmp(found.id_type, "111") == 0 && id_no.len == 15) {
        PHI_GUARD(phi_idtype_to_18(id_no, longer));
        id_no = phi_view_of(longer, sizeof(longer));
    }
    const char *text =
        phi_arena_printf(arena, "%s|%.*s|%s", is_residence_card(&found) ? "553" : found.id_type,
                         (int)id_no.len, (const char *)id_no.data, found.country);
    if (!text)
        return PHI_ERR_MEMORY;
    *out = phi_view_text(text);
out:
    phi_wipe(longer, sizeof(longer));
    return err;
}

enum phi_err phi_subject_index(const struct phi_hmac_key *index_key,
                               const struct phi_person *person, uint8_t out[PHI_SUBJECT_LEN])
{
    struct phi_arena *arena = phi_arena_new(4096);
    if (!arena)
        return PHI_ERR_MEMORY;
    enum phi_err err = PHI_OK;
    struct phi_view canonical;
    uint8_t mac[PHI_SM3_LEN];
    PHI_GUARD(phi_subject_canonical(person, arena, &canonical, NULL));
    PHI_GUARD(phi_hmac_sm3(index_key, &canonical, 1, mac));
    memcpy(out, mac, PHI_SUBJECT_LEN);
out:
    phi_arena_free(arena);
    return err;
}

int phi_subject_bucket(const uint8_t subject[PHI_SUBJECT_LEN])
{
    return subject[0] << 4 | subject[1] >> 4;
}

int phi_subject_partition(const uint8_t subject[PHI_SUBJECT_LEN], int n)
{
    return phi_subject_bucket(subject) % n;
}
