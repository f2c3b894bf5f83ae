/* Minting and unsealing, against tests/vectors/jkm1/jkm1.json and against themselves. */
#include "case.h"
#include "vector_file.h"

#include "codeside/codeside.h"

#define ROWS 150

struct setting {
    json_t *file;
    struct phi_codeside *codeside;
    struct phi_sm2_public *key;
};

/* Sets 1 and 255 hold the vectors' keys; 1 can sign, so it mints. */
static int set_up(void **state)
{
    static struct setting s;
    s.file = vector_open("jkm1/jkm1.json");
    struct phi_codeside_set sets[2] = {{.id = 1}, {.id = 255}};
    memcpy(sets[0].seal_key, vector_bytes(s.file, "sealKey").data, 16);
    memcpy(sets[1].seal_key, vector_bytes(s.file, "sealKey").data, 16);
    if (phi_sm2_private_new(vector_bytes(s.file, "signPrivate").data, &sets[0].sign_key) !=
            PHI_OK ||
        phi_codeside_new("320000", sets, 2, NULL, &s.codeside) != PHI_OK ||
        phi_sm2_public_new(vector_bytes(s.file, "signPublic").data, &s.key) != PHI_OK)
        return -1;
    *state = &s;
    return 0;
}

static int tear_down(void **state)
{
    struct setting *s = *state;
    phi_codeside_free(s->codeside);
    phi_sm2_public_free(s->key);
    vector_close(s->file);
    return 0;
}

static struct phi_mint_input an_input(uint8_t flags)
{
    return (struct phi_mint_input){.subject = {1, 2, 3, 4},
                                   .flags = flags,
                                   .deadline_s = 1795219500,
                                   .consent_digest = {5, 6}};
}

static void vectors_unseal(void **state)
{
    struct setting *s = *state;
    VECTOR_EACH(s->file, "good", c)
    {
        vector_name(c);
        struct phi_jkm1 code;
        struct phi_codeside_content content;
        assert_int_equal(phi_jkm1_decode(vector_bytes(c, "bytes"), &code, NULL), PHI_OK);
        if (strcmp(code.platform, "320000") != 0) {
            assert_int_equal(phi_codeside_unseal(s->codeside, &code, &content),
                             PHI_ERR_CODE_PLATFORM);
            continue;
        }
        assert_int_equal(phi_codeside_unseal(s->codeside, &code, &content), PHI_OK);
        assert_view(phi_view_of(content.subject, PHI_SUBJECT_LEN), vector_bytes(c, "subject"));
        assert_int_equal(content.flags, vector_int(c, "flags"));
        assert_int_equal(content.scope, vector_int(c, "flags") >> 3);
    }
}

static void opaque_codes_are_not_ours(void **state)
{
    struct setting *s = *state;
    VECTOR_EACH(s->file, "opaque", c)
    {
        struct phi_jkm1 code;
        struct phi_codeside_content content;
        assert_int_equal(phi_jkm1_decode(vector_bytes(c, "bytes"), &code, NULL), PHI_OK);
        assert_false(phi_codeside_is_ours(s->codeside, &code));
        assert_int_equal(phi_codeside_unseal(s->codeside, &code, &content), PHI_ERR_CODE_PLATFORM);
    }
}

static void assert_minted(const struct setting *s, const struct phi_minted *minted,
                          const struct phi_mint_input *input)
{
    uint8_t bytes[PHI_JKM1_LEN];
    size_t len = 0;
    struct phi_jkm1 code;
    struct phi_codeside_content content;
    assert_int_equal(minted->result, PHI_OK);
    assert_int_equal(strlen(minted->text), PHI_JKM1_TEXT_LEN);
    assert_int_equal(phi_jkm1_text_decode(phi_view_text(minted->text), bytes, sizeof(bytes), &len),
                     PHI_OK);
    assert_view(phi_view_of(bytes, len), phi_view_of(minted->bytes, PHI_JKM1_LEN));
    assert_int_equal(phi_jkm1_decode(phi_view_of(bytes, len), &code, NULL), PHI_OK);
    assert_int_equal(phi_jkm1_verify(&code, s->key), PHI_OK);
    assert_true(phi_codeside_is_ours(s->codeside, &code));
    assert_int_equal(phi_codeside_unseal(s->codeside, &code, &content), PHI_OK);
    assert_memory_equal(content.subject, input->subject, PHI_SUBJECT_LEN);
    assert_int_equal(content.flags, input->flags);
    assert_memory_equal(code.serial, minted->serial, PHI_JKM1_SERIAL_LEN);
    assert_int_equal(code.key_set, minted->key_set);
    assert_int_equal(code.deadline_s, input->deadline_s);
    assert_memory_equal(code.consent_digest, input->consent_digest, PHI_SM3_LEN);
}

static void minted_codes_verify_and_unseal(void **state)
{
    struct setting *s = *state;
    for (unsigned flags = 0; flags < 16; flags++) {
        struct phi_mint_input input = an_input((uint8_t)flags);
        struct phi_minted minted;
        assert_int_equal(phi_codeside_mint(s->codeside, &input, &minted), PHI_OK);
        assert_minted(s, &minted, &input);
    }
}

/* Two codes of one person have nothing in common that comes from the person: A's content differs
 * throughout. */
static void codes_of_one_person_do_not_link(void **state)
{
    struct setting *s = *state;
    struct phi_mint_input input = an_input(0);
    struct phi_minted a;
    struct phi_minted b;
    assert_int_equal(phi_codeside_mint(s->codeside, &input, &a), PHI_OK);
    assert_int_equal(phi_codeside_mint(s->codeside, &input, &b), PHI_OK);
    assert_memory_not_equal(a.serial, b.serial, PHI_JKM1_SERIAL_LEN);
    assert_memory_not_equal(a.bytes + 19, b.bytes + 19, PHI_JKM1_SEALED_LEN);
}

static void batch_rows_have_their_own_results(void **state)
{
    struct setting *s = *state;
    static struct phi_mint_input inputs[ROWS];
    static struct phi_minted minted[ROWS];
    for (size_t i = 0; i < ROWS; i++) {
        inputs[i] = an_input(PHI_JKM1_ONE_TIME);
        inputs[i].subject[15] = (uint8_t)i;
    }
    inputs[7].flags = 0x40;
    inputs[70].deadline_s = -1;
    phi_codeside_mint_batch(s->codeside, inputs, minted, ROWS);
    for (size_t i = 0; i < ROWS; i++) {
        if (i == 7 || i == 70)
            assert_int_equal(minted[i].result, PHI_ERR_FIELD_VALUE);
        else
            assert_minted(s, &minted[i], &inputs[i]);
    }
}

static void wrong_flags_are_not_minted(void **state)
{
    struct setting *s = *state;
    static const uint8_t flags[] = {0x40, 0x80, 0xff, PHI_JKM1_SCOPE_FLAGS(PHI_SCOPE_SELF), 0x38};
    for (size_t i = 0; i < sizeof(flags); i++) {
        struct phi_mint_input input = an_input(flags[i]);
        struct phi_minted minted;
        assert_int_equal(phi_codeside_mint(s->codeside, &input, &minted), PHI_ERR_FIELD_VALUE);
        assert_int_equal(minted.text[0], '\0');
    }
}

static void unknown_key_set_is_not_ours(void **state)
{
    struct setting *s = *state;
    struct phi_mint_input input = an_input(0);
    struct phi_minted minted;
    struct phi_jkm1 code;
    struct phi_codeside_content content;
    assert_int_equal(phi_codeside_mint(s->codeside, &input, &minted), PHI_OK);
    minted.bytes[2] = 2;
    assert_int_equal(phi_jkm1_decode(phi_view_of(minted.bytes, PHI_JKM1_LEN), &code, NULL), PHI_OK);
    assert_false(phi_codeside_is_ours(s->codeside, &code));
    assert_int_equal(phi_codeside_unseal(s->codeside, &code, &content), PHI_ERR_CODE_PLATFORM);
}

static void reserved_flags_are_refused_on_unsealing(void **state)
{
    struct setting *s = *state;
    struct phi_mint_input input = an_input(0);
    struct phi_minted minted;
    struct phi_jkm1 code;
    struct phi_codeside_content content;
    assert_int_equal(phi_codeside_mint(s->codeside, &input, &minted), PHI_OK);
    minted.bytes[35] ^= 0x80;
    assert_int_equal(phi_jkm1_decode(phi_view_of(minted.bytes, PHI_JKM1_LEN), &code, NULL), PHI_OK);
    assert_int_equal(phi_codeside_unseal(s->codeside, &code, &content), PHI_ERR_CODE_MALFORMED);
}

static void settings_are_checked(void **state)
{
    (void)state;
    static struct phi_codeside_set sets[PHI_CODESIDE_SETS_MAX + 1];
    struct phi_codeside *codeside = NULL;
    for (size_t i = 0; i <= PHI_CODESIDE_SETS_MAX; i++)
        sets[i].id = (uint8_t)i;
    assert_int_equal(phi_codeside_new("99", sets, 1, NULL, &codeside), PHI_ERR_CONFIG);
    assert_int_equal(phi_codeside_new("320000", sets, 0, NULL, &codeside), PHI_ERR_CONFIG);
    assert_int_equal(phi_codeside_new("320000", sets, PHI_CODESIDE_SETS_MAX + 1, NULL, &codeside),
                     PHI_ERR_CONFIG);
    sets[1].id = 0;
    assert_int_equal(phi_codeside_new("320000", sets, 2, NULL, &codeside), PHI_ERR_CONFIG);
    assert_null(codeside);
    phi_codeside_free(NULL);
}

static void without_a_sign_key_nothing_is_minted(void **state)
{
    (void)state;
    struct phi_codeside_set set = {.id = 3};
    struct phi_codeside *codeside = NULL;
    struct phi_mint_input input = an_input(0);
    struct phi_minted minted;
    assert_int_equal(phi_codeside_new("320000", &set, 1, NULL, &codeside), PHI_OK);
    assert_int_equal(phi_codeside_mint(codeside, &input, &minted), PHI_ERR_KEY);
    phi_codeside_free(codeside);
}

/* Key sets 4 and 5 with an overlap, and a clock to walk through it. */
static int64_t walk_us;

static int64_t walk(void *context)
{
    (void)context;
    return walk_us;
}

static const struct phi_clock walking = {.now_us = walk};

static struct phi_codeside *two_sets(struct phi_counter *seal_uses)
{
    struct phi_codeside *codeside = NULL;
    struct phi_codeside_set sets[2] = {{.id = 4, .seal_key = {4}, .to_us = 200},
                                       {.id = 5, .seal_key = {5}, .from_us = 100}};
    sets[1].seal_uses = seal_uses;
    assert_int_equal(phi_sm2_private_generate(&sets[0].sign_key), PHI_OK);
    assert_int_equal(phi_sm2_private_generate(&sets[1].sign_key), PHI_OK);
    assert_int_equal(phi_codeside_new("320000", sets, 2, &walking, &codeside), PHI_OK);
    return codeside;
}

static enum phi_err unsealed(const struct phi_codeside *codeside, const struct phi_minted *minted)
{
    struct phi_jkm1 code;
    struct phi_codeside_content content;
    assert_int_equal(phi_jkm1_decode(phi_view_of(minted->bytes, PHI_JKM1_LEN), &code, NULL),
                     PHI_OK);
    assert_true(phi_codeside_is_ours(codeside, &code));
    return phi_codeside_unseal(codeside, &code, &content);
}

static void the_clock_changes_key_sets(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t now_us;
        uint8_t mints;
        enum phi_err old_unseals;
        enum phi_err new_unseals;
    } cases[] = {
        {"before the new set's time", 99, 4, PHI_OK, PHI_ERR_CODE_SIGNATURE},
        {"the overlap begins", 100, 5, PHI_OK, PHI_OK},
        {"the overlap's last moment", 199, 5, PHI_OK, PHI_OK},
        {"the old set's time is over", 200, 5, PHI_ERR_CODE_SIGNATURE, PHI_OK},
    };
    struct phi_codeside *codeside = two_sets(NULL);
    const struct phi_mint_input input = an_input(0);
    struct phi_minted old, new, now;
    walk_us = 0;
    assert_int_equal(phi_codeside_mint(codeside, &input, &old), PHI_OK);
    walk_us = 1000;
    assert_int_equal(phi_codeside_mint(codeside, &input, &new), PHI_OK);
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        walk_us = cases[i].now_us;
        phi_check(cases[i].name, phi_codeside_mint(codeside, &input, &now) == PHI_OK);
        phi_check(cases[i].name, now.key_set == cases[i].mints && now.bytes[2] == cases[i].mints);
        phi_check(cases[i].name, unsealed(codeside, &old) == cases[i].old_unseals);
        phi_check(cases[i].name, unsealed(codeside, &new) == cases[i].new_unseals);
    }
    phi_codeside_free(codeside);
}

static void uses_of_a_seal_key_are_counted(void **state)
{
    (void)state;
    struct phi_counter *uses =
        phi_counter_new("phi_key_uses_total", "uses", "use=\"seal\",key=\"test\"");
    struct phi_codeside *codeside = two_sets(uses);
    const struct phi_mint_input input = an_input(0);
    struct phi_minted minted;
    walk_us = 150;
    assert_int_equal(phi_codeside_mint(codeside, &input, &minted), PHI_OK);
    assert_int_equal(phi_counter_value(uses), 1);
    assert_int_equal(unsealed(codeside, &minted), PHI_OK);
    assert_int_equal(phi_counter_value(uses), 2);
    phi_codeside_free(codeside);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(vectors_unseal),
        TEST(opaque_codes_are_not_ours),
        TEST(minted_codes_verify_and_unseal),
        TEST(codes_of_one_person_do_not_link),
        TEST(batch_rows_have_their_own_results),
        TEST(wrong_flags_are_not_minted),
        TEST(unknown_key_set_is_not_ours),
        TEST(reserved_flags_are_refused_on_unsealing),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(without_a_sign_key_nothing_is_minted),
        cmocka_unit_test(the_clock_changes_key_sets),
        cmocka_unit_test(uses_of_a_seal_key_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
