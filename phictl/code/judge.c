#include "phictl/code/judge.h"

#include <string.h>

static const char *const layer_names[CTL_LAYER_COUNT] = {"text",      "form",   "platform",
                                                         "signature", "sealed", "deadline"};

const char *ctl_layer_name(enum ctl_layer layer)
{
    return layer_names[layer];
}

static enum phi_err note(struct ctl_judgement *out, enum ctl_layer layer, enum phi_err err)
{
    out->is_reached[layer] = true;
    out->results[layer] = err;
    return err;
}

static enum phi_err judge_form(const struct ctl_judge_input *input, struct ctl_judgement *out)
{
    enum phi_err err = PHI_OK;
    out->bytes = input->given;
    if (input->is_text) {
        size_t len = 0;
        PHI_GUARD(note(out, CTL_LAYER_TEXT,
                       phi_jkm1_text_decode(input->given, out->buffer, sizeof(out->buffer), &len)));
        out->bytes = phi_view_of(out->buffer, len);
    }
    PHI_GUARD(note(out, CTL_LAYER_FORM, phi_jkm1_decode(out->bytes, &out->code, &out->error)));
out:
    return err;
}

static bool is_code_key(const struct phi_trust_key *key, const struct ctl_judgement *out)
{
    return key->use == PHI_TRUST_CODE && (!out->is_own || key->key_set_id == out->code.key_set);
}

/* A of 34 bytes whose first names a key set of the platform, in force or not, is of our form. */
static bool names_key_set(const struct phi_trust_platform *platform, const struct phi_jkm1 *code)
{
    for (size_t i = 0; code->is_own_form && i < platform->key_count; i++) {
        const struct phi_trust_key *key = &platform->keys[i];
        if (key->use == PHI_TRUST_CODE && key->key_set_id == code->key_set)
            return true;
    }
    return false;
}

static enum phi_err judge_signature(const struct ctl_judge_input *input, struct ctl_judgement *out)
{
    out->is_own = names_key_set(out->platform, &out->code);
    for (size_t i = 0; i < out->platform->key_count; i++) {
        const struct phi_trust_key *key = &out->platform->keys[i];
        if (!is_code_key(key, out) || input->now_us < key->from_us || input->now_us >= key->to_us)
            continue;
        out->key = key;
        enum phi_err err = phi_jkm1_verify(&out->code, key->public_key);
        if (err != PHI_ERR_CODE_SIGNATURE)
            return err;
    }
    return PHI_ERR_CODE_SIGNATURE;
}

static enum phi_err judge_platform(const struct ctl_judge_input *input, struct ctl_judgement *out)
{
    const struct phi_trust_list *list = input->trust;
    for (size_t i = 0; i < list->platform_count; i++) {
        if (strcmp(list->platforms[i].id, out->code.platform) == 0)
            out->platform = &list->platforms[i];
    }
    if (out->platform == NULL)
        return PHI_ERR_CODE_PLATFORM;
    return out->platform->status == PHI_TRUST_ACTIVE ? PHI_OK : PHI_ERR_CODE_SUSPENDED;
}

static enum phi_err judge_sealed(const struct ctl_judge_input *input, struct ctl_judgement *out)
{
    if (!out->is_own)
        return PHI_ERR_ISSUER;
    enum phi_err err = phi_codeside_unseal(input->codeside, &out->code, &out->content);
    return err == PHI_ERR_CODE_PLATFORM ? PHI_ERR_ISSUER : err;
}

void ctl_code_judge(const struct ctl_judge_input *input, struct ctl_judgement *out)
{
    enum phi_err err = PHI_OK;
    memset(out, 0, sizeof(*out));
    PHI_GUARD(judge_form(input, out));
    if (input->trust != NULL) {
        PHI_GUARD(note(out, CTL_LAYER_PLATFORM, judge_platform(input, out)));
        PHI_GUARD(note(out, CTL_LAYER_SIGNATURE, judge_signature(input, out)));
    }
    if (input->trust != NULL && input->codeside != NULL) {
        err = note(out, CTL_LAYER_SEALED, judge_sealed(input, out));
        PHI_GUARD(err == PHI_ERR_ISSUER ? PHI_OK : err);
    }
    bool is_expired = phi_jkm1_is_expired(&out->code, input->now_us / 1000000);
    err = note(out, CTL_LAYER_DEADLINE, is_expired ? PHI_ERR_CODE_EXPIRED : PHI_OK);
out:
    if (out->error.code == PHI_OK && err != PHI_OK)
        out->error.code = err;
}

enum phi_err ctl_code_verdict(const struct ctl_judgement *judgement)
{
    for (int i = 0; i < CTL_LAYER_COUNT; i++) {
        enum phi_err err = judgement->results[i];
        if (judgement->is_reached[i] && err != PHI_OK && err != PHI_ERR_ISSUER)
            return err;
    }
    return judgement->results[CTL_LAYER_SEALED];
}
