/* The health code's bytes and text (GB/T 38961 §4.1), against tests/vectors/jkm1. */
#include "vector_file.h"

#include "codes/jkm1.h"

static struct phi_sm2_public *key_of(const json_t *file)
{
    struct phi_sm2_public *key = NULL;
    assert_int_equal(phi_sm2_public_new(vector_bytes(file, "signPublic").data, &key), PHI_OK);
    return key;
}

static void good_codes_decode(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/jkm1.json");
    struct phi_sm2_public *key = key_of(file);
    VECTOR_EACH(file, "good", c)
    {
        vector_name(c);
        struct phi_jkm1 code;
        struct phi_view bytes = vector_bytes(c, "bytes");
        char deadline[PHI_TIME14_LEN + 1];
        uint8_t id[16];
        assert_int_equal(bytes.len, PHI_JKM1_LEN);
        assert_int_equal(phi_jkm1_decode(bytes, &code, NULL), PHI_OK);
        assert_true(code.is_own_form);
        assert_int_equal(code.version, 1);
        assert_int_equal(code.key_set, vector_int(c, "keySet"));
        assert_view(phi_view_of(code.serial, sizeof(code.serial)), vector_bytes(c, "serial"));
        assert_string_equal(code.platform, vector_text(c, "platform"));
        phi_time14_format(code.deadline_s, 0, deadline);
        assert_string_equal(deadline, vector_text(c, "deadline"));
        assert_view(phi_view_of(code.consent_digest, 32), vector_bytes(c, "consentDigest"));
        assert_int_equal(phi_jkm1_verify(&code, key), PHI_OK);
        assert_int_equal(phi_jkm1_revocation_id(code.platform, code.serial, id), PHI_OK);
        assert_view(phi_view_of(id, sizeof(id)), vector_bytes(c, "revocationId"));
    }
    phi_sm2_public_free(key);
    vector_close(file);
}

static void opaque_codes_decode(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/jkm1.json");
    struct phi_sm2_public *key = key_of(file);
    VECTOR_EACH(file, "opaque", c)
    {
        vector_name(c);
        struct phi_jkm1 code;
        uint8_t serial[PHI_JKM1_SERIAL_LEN];
        assert_int_equal(phi_jkm1_decode(vector_bytes(c, "bytes"), &code, NULL), PHI_OK);
        assert_false(code.is_own_form);
        assert_view(code.a, vector_bytes(c, "a"));
        assert_int_equal(phi_jkm1_verify(&code, key), PHI_OK);
        assert_int_equal(phi_jkm1_serial(&code, true, serial), PHI_OK);
        assert_view(phi_view_of(serial, sizeof(serial)), vector_bytes(c, "serial"));
    }
    phi_sm2_public_free(key);
    vector_close(file);
}

static void serial_of_our_form(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/jkm1.json");
    const json_t *c = json_array_get(json_object_get(file, "good"), 0);
    struct phi_jkm1 code;
    uint8_t own[PHI_JKM1_SERIAL_LEN];
    uint8_t opaque[PHI_JKM1_SERIAL_LEN];
    assert_int_equal(phi_jkm1_decode(vector_bytes(c, "bytes"), &code, NULL), PHI_OK);
    assert_int_equal(phi_jkm1_serial(&code, true, own), PHI_OK);
    assert_memory_equal(own, code.serial, sizeof(own));
    assert_int_equal(phi_jkm1_serial(&code, false, opaque), PHI_OK);
    assert_memory_not_equal(own, opaque, sizeof(own));
    vector_close(file);
}

static void bad_codes_are_refused(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/jkm1.json");
    VECTOR_EACH(file, "bad", c)
    {
        vector_name(c);
        struct phi_jkm1 code;
        struct phi_error error = {0};
        enum phi_err err = phi_jkm1_decode(vector_bytes(c, "bytes"), &code, &error);
        assert_string_equal(phi_err_name(err), vector_text(c, "error"));
        assert_int_equal(error.code, err);
        assert_string_equal(error.place, vector_text(c, "place"));
        assert_int_equal(phi_jkm1_decode(vector_bytes(c, "bytes"), &code, NULL), err);
    }
    vector_close(file);
}

/* Each of the 1,280 bits: the code is refused by its form or its signature, never taken. */
static void any_flipped_bit_never_verifies(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/jkm1.json");
    struct phi_sm2_public *key = key_of(file);
    const json_t *c = json_array_get(json_object_get(file, "good"), 0);
    uint8_t bytes[PHI_JKM1_LEN];
    memcpy(bytes, vector_bytes(c, "bytes").data, sizeof(bytes));
    size_t decoded = 0;
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        struct phi_jkm1 code;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (phi_jkm1_decode(phi_view_of(bytes, sizeof(bytes)), &code, NULL) == PHI_OK) {
            assert_int_equal(phi_jkm1_verify(&code, key), PHI_ERR_CODE_SIGNATURE);
            decoded++;
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* at least every bit of A's content, the digest and S passes the form and meets the signature
     */
    assert_true(decoded >= 8 * (34 + 32 + 64));
    phi_sm2_public_free(key);
    vector_close(file);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/jkm1.json");
    const json_t *c = json_array_get(json_object_get(file, "good"), 0);
    struct phi_view bytes = vector_bytes(c, "bytes");
    for (size_t len = 0; len < bytes.len; len++) {
        /* a copy of the exact size lets the sanitizer see a read past the end */
        uint8_t *copy = malloc(len > 0 ? len : 1);
        assert_non_null(copy);
        memcpy(copy, bytes.data, len);
        struct phi_jkm1 code;
        assert_int_equal(phi_jkm1_decode(phi_view_of(copy, len), &code, NULL),
                         PHI_ERR_CODE_MALFORMED);
        free(copy);
    }
    vector_close(file);
}

static void another_key_does_not_verify(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/jkm1.json");
    struct phi_sm2_private *pair = NULL;
    struct phi_sm2_public *key = NULL;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    assert_int_equal(phi_sm2_private_generate(&pair), PHI_OK);
    phi_sm2_private_public(pair, xy);
    assert_int_equal(phi_sm2_public_new(xy, &key), PHI_OK);
    VECTOR_EACH(file, "good", c)
    {
        struct phi_jkm1 code;
        assert_int_equal(phi_jkm1_decode(vector_bytes(c, "bytes"), &code, NULL), PHI_OK);
        assert_int_equal(phi_jkm1_verify(&code, key), PHI_ERR_CODE_SIGNATURE);
    }
    phi_sm2_public_free(key);
    phi_sm2_private_free(pair);
    vector_close(file);
}

static void a_code_is_good_through_its_deadline(void **state)
{
    (void)state;
    struct phi_jkm1 code = {.deadline_s = 1000};
    assert_false(phi_jkm1_is_expired(&code, 999));
    assert_false(phi_jkm1_is_expired(&code, 1000));
    assert_true(phi_jkm1_is_expired(&code, 1001));
}

static void encoding_gives_the_signed_part(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/jkm1.json");
    VECTOR_EACH(file, "good", c)
    {
        struct phi_jkm1 code;
        uint8_t out[PHI_JKM1_LEN];
        struct phi_writer writer = phi_writer_of(out, sizeof(out));
        assert_int_equal(phi_jkm1_decode(vector_bytes(c, "bytes"), &code, NULL), PHI_OK);
        const struct phi_jkm1_parts parts = {.a = code.a,
                                             .platform = code.platform,
                                             .deadline_s = code.deadline_s,
                                             .consent_digest = code.consent_digest};
        assert_int_equal(phi_jkm1_encode(&parts, &writer), PHI_OK);
        assert_view(phi_view_of(out, phi_writer_len(&writer)), code.signed_part);
    }
    vector_close(file);
}

static void parts_out_of_bounds_are_not_encoded(void **state)
{
    (void)state;
    static uint8_t bytes[8192];
    const struct phi_jkm1_parts good = {.a = phi_view_of(bytes, 34),
                                        .platform = "320000",
                                        .deadline_s = 1,
                                        .consent_digest = bytes};
    struct phi_jkm1_parts bad[6] = {good, good, good, good, good, good};
    bad[0].a.len = 0;
    bad[1].a.len = 4097;
    bad[2].platform = "32000";
    bad[3].platform = "990000";
    bad[4].deadline_s = -1;
    bad[5].deadline_s = INT64_C(253402300800);
    uint8_t out[8192];
    for (size_t i = 0; i < 6; i++) {
        struct phi_writer writer = phi_writer_of(out, sizeof(out));
        assert_int_equal(phi_jkm1_encode(&bad[i], &writer), PHI_ERR_FIELD_VALUE);
    }
    struct phi_writer writer = phi_writer_of(out, 95);
    assert_int_equal(phi_jkm1_encode(&good, &writer), PHI_ERR_FRAME);
}

static void text_goes_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        const char *member;
    } sets[] = {
        {"jkm1/jkm1.json", "good"}, {"jkm1/jkm1.json", "opaque"}, {"jkm1/base32.json", "good"}};
    for (size_t i = 0; i < 3; i++) {
        json_t *file = vector_open(sets[i].file);
        VECTOR_EACH(file, sets[i].member, c)
        {
            vector_name(c);
            struct phi_view bytes = vector_bytes(c, "bytes");
            static char text[PHI_JKM1_TEXT_MAX + 1];
            static uint8_t again[PHI_JKM1_MAX];
            size_t len = 0;
            phi_jkm1_text_encode(bytes.data, bytes.len, text);
            assert_string_equal(text, vector_text(c, "text"));
            assert_int_equal(strlen(text), PHI_BASE32_LEN(bytes.len));
            assert_int_equal(phi_jkm1_text_decode(phi_view_text(text), again, sizeof(again), &len),
                             PHI_OK);
            assert_view(phi_view_of(again, len), bytes);
            assert_int_equal(phi_jkm1_text_decode(phi_view_text(text), again, bytes.len - 1, &len),
                             PHI_ERR_CODE_MALFORMED);
        }
        vector_close(file);
    }
}

static void bad_text_is_refused(void **state)
{
    (void)state;
    json_t *file = vector_open("jkm1/base32.json");
    static uint8_t out[PHI_JKM1_MAX];
    size_t len = 0;
    VECTOR_EACH(file, "bad", c)
    {
        vector_name(c);
        assert_int_equal(phi_jkm1_text_decode(vector_view(c, "text"), out, sizeof(out), &len),
                         PHI_ERR_CODE_MALFORMED);
    }
    static uint8_t long_text[PHI_JKM1_TEXT_MAX + 8];
    memset(long_text, 'A', sizeof(long_text));
    assert_int_equal(
        phi_jkm1_text_decode(phi_view_of(long_text, sizeof(long_text)), out, sizeof(out), &len),
        PHI_ERR_CODE_MALFORMED);
    vector_close(file);
}

/* Of the 256 possible bytes only the 32 letters of the alphabet are taken, at any place. */
static void only_the_alphabet_is_taken(void **state)
{
    (void)state;
    for (size_t at = 0; at < 8; at++) {
        int taken = 0;
        for (int byte = 0; byte < 256; byte++) {
            uint8_t text[8];
            uint8_t out[5];
            size_t len = 0;
            memset(text, 'A', sizeof(text));
            text[at] = (uint8_t)byte;
            taken += phi_jkm1_text_decode(phi_view_of(text, 8), out, sizeof(out), &len) == PHI_OK;
        }
        assert_int_equal(taken, 32);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_codes_decode),
        cmocka_unit_test(opaque_codes_decode),
        cmocka_unit_test(serial_of_our_form),
        cmocka_unit_test(bad_codes_are_refused),
        cmocka_unit_test(any_flipped_bit_never_verifies),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(another_key_does_not_verify),
        cmocka_unit_test(a_code_is_good_through_its_deadline),
        cmocka_unit_test(encoding_gives_the_signed_part),
        cmocka_unit_test(parts_out_of_bounds_are_not_encoded),
        cmocka_unit_test(text_goes_both_ways),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(only_the_alphabet_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
