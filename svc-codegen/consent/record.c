#include "svc-codegen/consent/record.h"

#include "base/time.h"
#include "codes/consent.h"
#include "json/canonical.h"

/* The forms of name and number that the short record has. */
static enum phi_err add_person(const struct phi_person *person, int64_t now_s,
                               struct phi_arena *arena, json_t *to)
{
    enum phi_err err = PHI_OK;
    struct phi_view text;
    struct phi_person as;
    PHI_GUARD(phi_consent_format(person, now_s, arena, &text));
    PHI_GUARD(phi_consent_parse(text, &as, &now_s));
    const struct {
        const char *member;
        struct phi_view value;
    } members[] = {
        {"name", as.name}, {"idNo", as.id_no}, {"idType", as.id_type}, {"country", as.country}};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_stringn((const char *)members[i].value.data, members[i].value.len);
        PHI_GUARD(json_object_set_new(to, members[i].member, value) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    }
out:
    return err;
}

static json_t *words(const char list[POLICY_LIST_MAX][POLICY_WORD_MAX + 1], size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array != NULL && i < count; i++)
        if (json_array_append_new(array, json_string(list[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static enum phi_err set(json_t *object, const char *member, json_t *value)
{
    return json_object_set_new(object, member, value) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

static enum phi_err add_grantor(const struct record_input *in, struct phi_arena *arena,
                                json_t *grantor)
{
    enum phi_err err = PHI_OK;
    const struct record_mandate *m = in->mandate;
    const struct record_collector *c = in->collector;
    PHI_GUARD(add_person(in->grantor, in->now_s, arena, grantor));
    if (m != NULL)
        PHI_GUARD(set(grantor, "mandate",
                      json_pack("{s:s, s:s, s:s}", "mandateId", m->mandate_id, "issuer", m->issuer,
                                "relation", m->relation)));
    if (c != NULL)
        PHI_GUARD(set(grantor, "collectedBy",
                      json_pack("{s:s, s:s, s:s}", "app", c->app_id, "institution", c->institution,
                                "consentRef", c->consent_ref)));
out:
    return err;
}

static enum phi_err add_elements(const struct record_input *in, json_t *root)
{
    enum phi_err err = PHI_OK;
    const struct policy_record *r = in->scene->has_record ? &in->scene->record : &in->policy->other;
    char now[PHI_RFC3339_MAX], until[PHI_RFC3339_MAX];
    phi_rfc3339_format(in->now_s * 1000000, now);
    phi_rfc3339_format(in->deadline_s * 1000000, until);
    PHI_GUARD(set(root, "YXQX",
                  json_pack("{s:s, s:s, s:s}", "grantedAt", now, "from", now, "until", until)));
    PHI_GUARD(set(root, "BSQZT", json_pack("{s:s}", "name", r->grantee)));
    PHI_GUARD(set(root, "XXKZZ",
                  json_pack("{s:s, s:s}", "name", in->policy->controller, "platform", in->region)));
    PHI_GUARD(set(root, "XXLB", words(r->categories, r->category_count)));
    PHI_GUARD(set(root, "CZQX", words(r->operations, r->operation_count)));
out:
    return err;
}

static enum phi_err make_full(const struct record_input *in, struct phi_arena *arena,
                              struct phi_view *out)
{
    enum phi_err err = PHI_OK;
    json_t *root = json_object(), *grantor = json_object(), *holder = json_object();
    PHI_GUARD(add_grantor(in, arena, grantor));
    PHI_GUARD(add_person(in->holder, in->now_s, arena, holder));
    PHI_GUARD(json_object_set(root, "SQZT", grantor) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(json_object_set(root, "XXSY", holder) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(add_elements(in, root));
    PHI_GUARD(phi_json_canonical(root, arena, out));
out:
    json_decref(holder);
    json_decref(grantor);
    json_decref(root);
    return err;
}

enum phi_err record_make(const struct record_input *input, struct phi_arena *arena,
                         struct phi_view *out)
{
    bool is_short = !input->scene->has_record && input->mandate == NULL && input->collector == NULL;
    if (is_short)
        return phi_consent_format(input->holder, input->now_s, arena, out);
    return make_full(input, arena, out);
}
