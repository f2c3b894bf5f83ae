/* Certificate requests by use, as an application or a change of keys brings them. */
#include "svc-platform/members/members.h"

#include <string.h>

static const char *const uses[PHI_TRUST_USE_COUNT] = {
    "code", "receipt", "revocation", "directory", "correction", "answer", "encryption"};

static enum phi_err read_holder(const struct phi_json_at *at, struct member_request *out,
                                struct phi_error *error)
{
    const char *service = NULL;
    enum phi_err err = phi_json_word_opt(at, "service", 16, "", &service, error);
    if (err != PHI_OK || service[0] == '\0')
        return err;
    bool is_one = out->use == PHI_TRUST_ENCRYPTION &&
                  phi_trust_holder_from_name(service, &out->holder) == PHI_OK &&
                  out->holder != PHI_TRUST_FOR_OTHER;
    return is_one ? PHI_OK
                  : phi_json_refuse(at, "service", PHI_ERR_FIELD_VALUE,
                                    "verify, directory or declare, of an encryption key", error);
}

static enum phi_err read_one(const struct phi_json_at *at, struct member_request *out,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"use", "keySetId", "service", "request"};
    struct phi_certificate_asked asked;
    size_t use = 0;
    PHI_GUARD(phi_json_only(at, members, 4, error));
    PHI_GUARD(phi_json_enum(at, "use", uses, PHI_TRUST_USE_COUNT, &use, error));
    PHI_GUARD(phi_json_lines(at, "request", 1, PHI_CERTIFICATE_BYTES_MAX, &out->pem, error));
    out->use = (enum phi_trust_use)use;
    if (out->use == PHI_TRUST_CODE)
        PHI_GUARD(phi_json_int(at, "keySetId", 0, 255, &out->key_set, error));
    PHI_GUARD(read_holder(at, out, error));
    err = phi_certificate_request_read(phi_view_text(out->pem), &asked, NULL);
    if (err != PHI_OK)
        return phi_json_refuse(at, "request", PHI_ERR_RULE,
                               "not a request for an SM2 key, signed by that key", error);
    memcpy(out->xy, asked.public_key, sizeof(out->xy));
    PHI_GUARD(phi_key_id_of(out->xy, out->serial));
out:
    return err;
}

static bool is_double(const struct member_requests *all, const struct member_request *one)
{
    for (size_t i = 0; i < all->count; i++) {
        const struct member_request *other = &all->items[i];
        if (memcmp(other->xy, one->xy, sizeof(one->xy)) == 0 ||
            (other->use == one->use &&
             ((one->use == PHI_TRUST_ENCRYPTION && other->holder == one->holder) ||
              (one->use == PHI_TRUST_CODE && other->key_set == one->key_set))))
            return true;
    }
    return false;
}

static bool has_use(const struct member_requests *all, enum phi_trust_use use)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->items[i].use == use)
            return true;
    return false;
}

static enum phi_err check_whole(const struct phi_json_at *at, const struct member_requests *all,
                                struct phi_error *error)
{
    static const enum phi_trust_use needed[] = {PHI_TRUST_CODE, PHI_TRUST_RECEIPT,
                                                PHI_TRUST_DIRECTORY, PHI_TRUST_ENCRYPTION};
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (!has_use(all, needed[i]))
            return phi_error_set(error, PHI_ERR_RULE, at->path, "no request for the use %s",
                                 uses[needed[i]]);
    return PHI_OK;
}

enum phi_err member_requests_read(const struct phi_json_at *at, bool is_whole,
                                  struct member_requests *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t count = 0;
    out->count = 0;
    PHI_GUARD(phi_json_as_array(at, 1, MEMBER_REQUESTS_MAX, &count, error));
    for (size_t i = 0; i < count; i++) {
        struct phi_json_at item = phi_json_item(at, i);
        struct member_request one = {.key_set = 0};
        PHI_GUARD(read_one(&item, &one, error));
        if (is_double(out, &one))
            return phi_json_refuse(&item, "request", PHI_ERR_RULE, "a key or key set given twice",
                                   error);
        out->items[out->count++] = one;
    }
    PHI_GUARD(is_whole ? check_whole(at, out, error) : PHI_OK);
out:
    return err;
}

enum phi_err member_requests_again(const char *text, struct phi_arena *arena,
                                   struct member_requests *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_json_at root;
    PHI_GUARD(phi_json_read(phi_view_text(text), 4, arena, &root, error));
    PHI_GUARD(member_requests_read(&root, false, out, error));
out:
    return err;
}
