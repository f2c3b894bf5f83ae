/* Receipts, against tests/vectors/receipt/receipt.json. */
#include "vector_file.h"

#include "codes/receipt.h"

static void take(const json_t *f, const char *name, uint8_t *out, size_t len)
{
    struct phi_view bytes = vector_bytes(f, name);
    assert_int_equal(bytes.len, len);
    memcpy(out, bytes.data, len);
}

static void put(char *out, size_t size, const char *text)
{
    assert_true(strlen(text) < size);
    memcpy(out, text, strlen(text) + 1);
}

static struct phi_receipt receipt_of(const json_t *c)
{
    const json_t *f = json_object_get(c, "fields");
    const json_t *audience = json_object_get(f, "audience");
    struct phi_receipt r = {0};
    take(f, "receiptId", r.receipt_id, 16);
    put(r.issuer, sizeof(r.issuer), vector_text(f, "issuer"));
    put(r.key_id, sizeof(r.key_id), vector_text(f, "keyId"));
    take(f, "serialHmac", r.serial_hmac, sizeof(r.serial_hmac));
    r.has_subject = vector_text(f, "subject")[0] != '\0';
    if (r.has_subject)
        take(f, "subject", r.subject, sizeof(r.subject));
    put(r.requester, sizeof(r.requester), vector_text(f, "requester"));
    put(r.app, sizeof(r.app), vector_text(f, "app"));
    r.audience_count = json_array_size(audience);
    for (size_t i = 0; i < r.audience_count; i++)
        put(r.audience[i], sizeof(r.audience[i]), json_string_value(json_array_get(audience, i)));
    r.scope = (enum phi_scope)vector_int(f, "scope");
    take(f, "challenge", r.challenge, sizeof(r.challenge));
    r.issued_s = vector_int(f, "issuedS");
    r.expires_s = vector_int(f, "expiresS");
    return r;
}

static void good_receipts(void **state)
{
    (void)state;
    json_t *file = vector_open("receipt/receipt.json");
    struct phi_sm2_public *key = NULL;
    assert_int_equal(phi_sm2_public_new(vector_bytes(file, "signPublic").data, &key), PHI_OK);
    VECTOR_EACH(file, "good", c)
    {
        vector_name(c);
        struct phi_view bytes = vector_bytes(c, "bytes");
        struct phi_receipt expected = receipt_of(c);
        struct phi_receipt found;
        struct phi_view signed_part;
        const uint8_t *sig = NULL;
        uint8_t again[PHI_RECEIPT_MAX];
        struct phi_writer writer = phi_writer_of(again, sizeof(again));
        assert_int_equal(phi_receipt_decode(bytes, &found, &signed_part, &sig), PHI_OK);
        assert_memory_equal(found.receipt_id, expected.receipt_id, 16);
        assert_string_equal(found.issuer, expected.issuer);
        assert_string_equal(found.key_id, expected.key_id);
        assert_int_equal(found.has_subject, expected.has_subject);
        assert_memory_equal(found.subject, expected.subject, PHI_SUBJECT_LEN);
        assert_string_equal(found.requester, expected.requester);
        assert_string_equal(found.app, expected.app);
        assert_int_equal(found.audience_count, expected.audience_count);
        assert_int_equal(found.scope, expected.scope);
        assert_int_equal(found.expires_s, expected.expires_s);
        assert_int_equal(phi_sm2_verify(key, signed_part, sig), PHI_OK);
        assert_int_equal(phi_receipt_encode(&expected, &writer), PHI_OK);
        assert_view(phi_view_of(again, phi_writer_len(&writer)), signed_part);
    }
    phi_sm2_public_free(key);
    vector_close(file);
}

static void bad_receipts(void **state)
{
    (void)state;
    json_t *file = vector_open("receipt/receipt.json");
    VECTOR_EACH(file, "bad", c)
    {
        vector_name(c);
        struct phi_receipt found;
        struct phi_view signed_part;
        const uint8_t *sig = NULL;
        assert_int_equal(phi_receipt_decode(vector_bytes(c, "bytes"), &found, &signed_part, &sig),
                         PHI_ERR_RECEIPT);
    }
    vector_close(file);
}

/* The flag gone, the bytes still there. */
static void a_subject_that_is_not_announced_is_refused(void **state)
{
    (void)state;
    json_t *file = vector_open("receipt/receipt.json");
    struct phi_view good = vector_bytes(json_array_get(json_object_get(file, "good"), 0), "bytes");
    uint8_t bytes[PHI_RECEIPT_MAX];
    struct phi_receipt found;
    struct phi_view signed_part;
    const uint8_t *sig = NULL;
    memcpy(bytes, good.data, good.len);
    assert_int_equal(bytes[5], 1);
    bytes[5] = 0;
    assert_int_equal(phi_receipt_decode(phi_view_of(bytes, good.len), &found, &signed_part, &sig),
                     PHI_ERR_RECEIPT);
    vector_close(file);
}

static void any_flipped_bit_never_verifies(void **state)
{
    (void)state;
    json_t *file = vector_open("receipt/receipt.json");
    struct phi_sm2_public *key = NULL;
    assert_int_equal(phi_sm2_public_new(vector_bytes(file, "signPublic").data, &key), PHI_OK);
    struct phi_view good = vector_bytes(json_array_get(json_object_get(file, "good"), 0), "bytes");
    uint8_t bytes[PHI_RECEIPT_MAX];
    memcpy(bytes, good.data, good.len);
    for (size_t bit = 0; bit < 8 * good.len; bit++) {
        struct phi_receipt found;
        struct phi_view signed_part;
        const uint8_t *sig = NULL;
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (phi_receipt_decode(phi_view_of(bytes, good.len), &found, &signed_part, &sig) == PHI_OK)
            assert_int_equal(phi_sm2_verify(key, signed_part, sig), PHI_ERR_SIGNATURE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    phi_sm2_public_free(key);
    vector_close(file);
}

static void signed_receipts_verify(void **state)
{
    (void)state;
    json_t *file = vector_open("receipt/receipt.json");
    struct phi_sm2_private *pair = NULL;
    struct phi_sm2_public *key = NULL;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    assert_int_equal(phi_sm2_private_generate(&pair), PHI_OK);
    phi_sm2_private_public(pair, xy);
    assert_int_equal(phi_sm2_public_new(xy, &key), PHI_OK);
    VECTOR_EACH(file, "good", c)
    {
        struct phi_receipt receipt = receipt_of(c);
        struct phi_receipt found;
        struct phi_view signed_part;
        const uint8_t *sig = NULL;
        uint8_t out[PHI_RECEIPT_MAX];
        struct phi_writer writer = phi_writer_of(out, sizeof(out));
        assert_int_equal(phi_receipt_sign(&receipt, pair, &writer), PHI_OK);
        assert_int_equal(phi_receipt_decode(phi_view_of(out, phi_writer_len(&writer)), &found,
                                            &signed_part, &sig),
                         PHI_OK);
        assert_int_equal(phi_sm2_verify(key, signed_part, sig), PHI_OK);
        writer = phi_writer_of(out, signed_part.len + 63);
        assert_int_equal(phi_receipt_sign(&receipt, pair, &writer), PHI_ERR_FRAME);
    }
    phi_sm2_public_free(key);
    phi_sm2_private_free(pair);
    vector_close(file);
}

static void fields_out_of_bounds_are_not_written(void **state)
{
    (void)state;
    json_t *file = vector_open("receipt/receipt.json");
    struct phi_receipt good = receipt_of(json_array_get(json_object_get(file, "good"), 0));
    struct phi_receipt bad[9];
    for (size_t i = 0; i < 9; i++)
        bad[i] = good;
    bad[0].expires_s = bad[0].issued_s + 61;
    bad[1].expires_s = bad[1].issued_s - 1;
    bad[2].audience_count = 0;
    bad[3].audience_count = 9;
    put(bad[4].audience[1], sizeof(bad[4].audience[1]), "990000");
    put(bad[5].requester, sizeof(bad[5].requester), "a b");
    bad[6].app[0] = '\0';
    put(bad[7].key_id, sizeof(bad[7].key_id), "0123");
    bad[8].issued_s = INT64_MIN;
    bad[8].expires_s = INT64_MAX;
    for (size_t i = 0; i < 9; i++) {
        uint8_t out[PHI_RECEIPT_MAX];
        struct phi_writer writer = phi_writer_of(out, sizeof(out));
        assert_int_equal(phi_receipt_encode(&bad[i], &writer), PHI_ERR_FIELD_VALUE);
    }
    vector_close(file);
}

static void force_and_audience(void **state)
{
    (void)state;
    struct phi_receipt r = {
        .issued_s = 100, .expires_s = 160, .audience = {"320000", "310000"}, .audience_count = 2};
    assert_false(phi_receipt_is_in_force(&r, 94));
    assert_true(phi_receipt_is_in_force(&r, 95));
    assert_true(phi_receipt_is_in_force(&r, 160));
    assert_false(phi_receipt_is_in_force(&r, 161));
    assert_true(phi_receipt_has_audience(&r, "310000"));
    assert_false(phi_receipt_has_audience(&r, "330000"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_receipts),
        cmocka_unit_test(bad_receipts),
        cmocka_unit_test(a_subject_that_is_not_announced_is_refused),
        cmocka_unit_test(any_flipped_bit_never_verifies),
        cmocka_unit_test(signed_receipts_verify),
        cmocka_unit_test(fields_out_of_bounds_are_not_written),
        cmocka_unit_test(force_and_audience),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
