#include "codeside/codeside.h"

#include "base/mutant.h"
#include "codes/region.h"
#include "crypto/random.h"

#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 64

struct phi_codeside {
    char platform[7];
    struct phi_codeside_set sets[PHI_CODESIDE_SETS_MAX];
    struct phi_sm4_key seals[PHI_CODESIDE_SETS_MAX]; /* the sets' seal keys, ready for use */
    size_t count;
    const struct phi_clock *clock;
};

static const struct phi_codeside_set *set_of(const struct phi_codeside_set *sets, size_t count,
                                             uint8_t id)
{
    for (size_t i = 0; i < count; i++) {
        if (sets[i].id == id)
            return &sets[i];
    }
    return NULL;
}

static bool is_in_force(const struct phi_codeside_set *set, int64_t now_us)
{
    return set->from_us <= now_us && (set->to_us == 0 || now_us < set->to_us);
}

/* The set that mints now. */
static const struct phi_codeside_set *newest(const struct phi_codeside *codeside)
{
    const struct phi_codeside_set *found = NULL;
    int64_t now_us = phi_clock_now_us(codeside->clock);
    for (size_t i = 0; i < codeside->count; i++) {
        const struct phi_codeside_set *set = &codeside->sets[i];
        if (set->sign_key && is_in_force(set, now_us) && (!found || set->from_us > found->from_us))
            found = set;
    }
    return found;
}

static void count_seal(const struct phi_codeside_set *set)
{
    if (set->seal_uses)
        phi_counter_add(set->seal_uses, 1);
}

static bool ids_are_unique(const struct phi_codeside_set *sets, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (set_of(sets, i, sets[i].id))
            return false;
    }
    return true;
}

enum phi_err phi_codeside_new(const char *platform, const struct phi_codeside_set *sets,
                              size_t count, const struct phi_clock *clock,
                              struct phi_codeside **out)
{
    if (!phi_platform_is_valid(phi_view_text(platform)) || count == 0 ||
        count > PHI_CODESIDE_SETS_MAX || !ids_are_unique(sets, count))
        return PHI_ERR_CONFIG;
    struct phi_codeside *made = calloc(1, sizeof(*made));
    if (!made)
        return PHI_ERR_MEMORY;
    memcpy(made->platform, platform, sizeof(made->platform));
    memcpy(made->sets, sets, count * sizeof(*sets));
    for (size_t i = 0; i < count; i++)
        phi_sm4_key_init(&made->seals[i], sets[i].seal_key);
    made->count = count;
    made->clock = clock;
    *out = made;
    return PHI_OK;
}

void phi_codeside_free(struct phi_codeside *codeside)
{
    if (!codeside)
        return;
    for (size_t i = 0; i < codeside->count; i++)
        phi_sm2_private_free(codeside->sets[i].sign_key);
    phi_wipe(codeside, sizeof(*codeside));
    free(codeside);
}

static bool flags_are_sound(uint8_t flags)
{
    return PHI_MUTANT(any_flags) ||
           ((flags & ~PHI_JKM1_FLAGS_KNOWN) == 0 && PHI_JKM1_SCOPE_OF(flags) < PHI_SCOPE_SELF);
}

/* A's content: key set ‖ serial ‖ SM4-CTR(seal key, serial)(subject ‖ flags). */
static enum phi_err make_a(const struct phi_codeside_set *set, const struct phi_mint_input *input,
                           const uint8_t serial[PHI_JKM1_SERIAL_LEN], uint8_t a[PHI_JKM1_A_LEN])
{
    uint8_t plain[PHI_JKM1_SEALED_LEN];
    memcpy(plain, input->subject, PHI_SUBJECT_LEN);
    plain[PHI_SUBJECT_LEN] = (uint8_t)(input->flags ^ PHI_MUTANT(flags_wrong));
    plain[0] ^= PHI_MUTANT(subject_wrong);
    a[0] = set->id;
    memcpy(a + 1, serial, PHI_JKM1_SERIAL_LEN);
    enum phi_err err =
        phi_sm4_ctr(set->seal_key, serial, plain, sizeof(plain), a + 1 + PHI_JKM1_SERIAL_LEN);
    count_seal(set);
    phi_wipe(plain, sizeof(plain));
    return err;
}

/* Everything but the signature. */
static enum phi_err prepare(const struct phi_codeside *codeside, const struct phi_codeside_set *set,
                            const struct phi_mint_input *input, struct phi_minted *out)
{
    enum phi_err err = PHI_OK;
    uint8_t a[PHI_JKM1_A_LEN];
    if (!flags_are_sound(input->flags))
        return PHI_ERR_FIELD_VALUE;
    if (!set)
        return PHI_ERR_KEY;
    PHI_GUARD(phi_random_bytes(out->serial, sizeof(out->serial)));
    if (PHI_MUTANT(serial_half_random))
        memset(out->serial, 7, sizeof(out->serial) / 2);
    PHI_GUARD(make_a(set, input, out->serial, a));
    const struct phi_jkm1_parts parts = {.a = phi_view_of(a, sizeof(a)),
                                         .platform = codeside->platform,
                                         .deadline_s = input->deadline_s,
                                         .consent_digest = input->consent_digest};
    struct phi_writer writer = phi_writer_of(out->bytes, sizeof(out->bytes));
    PHI_GUARD(phi_jkm1_encode(&parts, &writer));
    out->bytes[PHI_JKM1_LEN - PHI_SM2_SIG_LEN - 1] ^= PHI_MUTANT(digest_of_another);
    out->key_set = set->id;
out:
    return err;
}

static void complete(const struct phi_sm2_job *job, struct phi_minted *out)
{
    if (job->result != PHI_OK) {
        *out = (struct phi_minted){.result = job->result};
        return;
    }
    memcpy(out->bytes + PHI_JKM1_LEN - PHI_SM2_SIG_LEN, job->sig, PHI_SM2_SIG_LEN);
    if (PHI_MUTANT(signature_in_der))
        memcpy(out->bytes + PHI_JKM1_LEN - PHI_SM2_SIG_LEN, "\x30\x44\x02\x20", 4);
    phi_jkm1_text_encode(out->bytes, PHI_JKM1_LEN, out->text);
}

static void mint_rows(const struct phi_codeside *codeside, const struct phi_mint_input *inputs,
                      struct phi_minted *out, size_t count)
{
    struct phi_sm2_job jobs[BATCH_ROWS];
    size_t row_of[BATCH_ROWS];
    size_t ready = 0;
    const struct phi_codeside_set *set = newest(codeside);
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct phi_minted){.result = PHI_OK};
        enum phi_err err = prepare(codeside, set, &inputs[i], &out[i]);
        if (err != PHI_OK) {
            out[i] = (struct phi_minted){.result = err};
            continue;
        }
        jobs[ready].private_key = set->sign_key;
        jobs[ready].message = phi_view_of(out[i].bytes, PHI_JKM1_LEN - PHI_SM2_SIG_LEN);
        jobs[ready].message.len -= PHI_MUTANT(signed_in_part);
        row_of[ready++] = i;
    }
    phi_sm2_sign_batch(jobs, ready);
    for (size_t i = 0; i < ready; i++)
        complete(&jobs[i], &out[row_of[i]]);
}

void phi_codeside_mint_batch(const struct phi_codeside *codeside,
                             const struct phi_mint_input *inputs, struct phi_minted *out,
                             size_t count)
{
    for (size_t done = 0; done < count; done += BATCH_ROWS) {
        size_t step = count - done < BATCH_ROWS ? count - done : BATCH_ROWS;
        mint_rows(codeside, inputs + done, out + done, step);
    }
}

enum phi_err phi_codeside_mint(const struct phi_codeside *codeside,
                               const struct phi_mint_input *input, struct phi_minted *out)
{
    mint_rows(codeside, input, out, 1);
    return out->result;
}

bool phi_codeside_is_ours(const struct phi_codeside *codeside, const struct phi_jkm1 *code)
{
    return code->is_own_form && strcmp(code->platform, codeside->platform) == 0 &&
           set_of(codeside->sets, codeside->count, code->key_set) != NULL;
}

enum phi_err phi_codeside_unseal(const struct phi_codeside *codeside, const struct phi_jkm1 *code,
                                 struct phi_codeside_content *out)
{
    if (!phi_codeside_is_ours(codeside, code))
        return PHI_ERR_CODE_PLATFORM;
    const struct phi_codeside_set *set = set_of(codeside->sets, codeside->count, code->key_set);
    if (!is_in_force(set, phi_clock_now_us(codeside->clock)))
        return PHI_ERR_CODE_SIGNATURE;
    uint8_t plain[PHI_JKM1_SEALED_LEN];
    enum phi_err err = PHI_OK;
    phi_sm4_key_ctr(&codeside->seals[set - codeside->sets], code->serial, code->sealed.data,
                    sizeof(plain), plain);
    count_seal(set);
    uint8_t flags = plain[PHI_SUBJECT_LEN];
    if (!flags_are_sound(flags)) {
        err = PHI_ERR_CODE_MALFORMED;
        goto out;
    }
    memcpy(out->subject, plain, PHI_SUBJECT_LEN);
    out->flags = flags;
    out->scope = PHI_JKM1_SCOPE_OF(flags);
out:
    phi_wipe(plain, sizeof(plain));
    return err;
}
