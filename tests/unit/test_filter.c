#include "vector_file.h"

#include "codes/filter.h"

#include "crypto/key.h"
#include "crypto/random.h"

#define COUNT 20000
#define ASKED 1000000

struct kit {
    struct phi_arena *arena;
    struct phi_sm2_private *key;
    struct phi_sm2_public *public_key;
    char serial[17];
    uint8_t (*ids)[PHI_REVOCATION_ID_LEN];
};

static int set_up(void **state)
{
    static struct kit kit;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    kit.arena = phi_arena_new(64 * 1024 * 1024);
    kit.ids = phi_arena_alloc(kit.arena, COUNT * PHI_REVOCATION_ID_LEN);
    *state = &kit;
    if (phi_sm2_private_generate(&kit.key) != PHI_OK)
        return -1;
    phi_sm2_private_public(kit.key, xy);
    return phi_sm2_public_new(xy, &kit.public_key) != PHI_OK ||
           phi_key_id_of(xy, kit.serial) != PHI_OK ||
           phi_random_bytes(kit.ids, COUNT * PHI_REVOCATION_ID_LEN) != PHI_OK;
}

static int tear_down(void **state)
{
    struct kit *kit = *state;
    phi_sm2_private_free(kit->key);
    phi_sm2_public_free(kit->public_key);
    phi_arena_free(kit->arena);
    return 0;
}

static const struct phi_filter_range range = {
    .platform = "330000", .key_set = 7, .from_s = 100, .until_s = 200};

static struct phi_view write(struct kit *kit, size_t count)
{
    struct phi_view bytes = {0};
    const struct phi_filter_contents contents = {.platform = "320000",
                                                 .sequence = 42,
                                                 .issued_s = 1000,
                                                 .not_after_s = 2000,
                                                 .ranges = &range,
                                                 .range_count = 1,
                                                 .ids = (const uint8_t(*)[16])kit->ids,
                                                 .id_count = count};
    assert_int_equal(phi_filter_write(&contents, kit->key, kit->serial, kit->arena, &bytes),
                     PHI_OK);
    return bytes;
}

static void test_round(void **state)
{
    struct kit *kit = *state;
    struct phi_filter filter;
    static const size_t counts[] = {0, 1, 2, 3000, COUNT};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        assert_int_equal(phi_filter_read(write(kit, counts[c]), &filter, NULL), PHI_OK);
        assert_int_equal(phi_filter_verify(&filter, kit->public_key), PHI_OK);
        assert_string_equal(filter.platform, "320000");
        assert_string_equal(filter.key_serial, kit->serial);
        assert_int_equal(filter.sequence, 42);
        assert_int_equal(filter.not_after_s, 2000);
        for (size_t i = 0; i < counts[c]; i++)
            assert_true(phi_filter_has(&filter, kit->ids[i]));
        assert_true(phi_filter_has_key_set(&filter, "330000", 7, 200));
        assert_false(phi_filter_has_key_set(&filter, "330000", 7, 201));
        assert_false(phi_filter_has_key_set(&filter, "330000", 8, 150));
        assert_false(phi_filter_has_key_set(&filter, "320000", 7, 150));
    }
}

/* The documents say less than 1 in 50,000: of a million strangers 10 to 16 are met,
 * 40 are far off. */
static void test_strangers_are_not_met(void **state)
{
    struct kit *kit = *state;
    static const size_t counts[] = {1, 2731, COUNT};
    struct phi_filter filter;
    uint8_t ids[1000][PHI_REVOCATION_ID_LEN];
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
        size_t met = 0;
        assert_int_equal(phi_filter_read(write(kit, counts[c]), &filter, NULL), PHI_OK);
        for (size_t i = 0; i < ASKED; i++) {
            if (i % 1000 == 0)
                assert_int_equal(phi_random_bytes(ids, sizeof(ids)), PHI_OK);
            met += phi_filter_has(&filter, ids[i % 1000]);
        }
        print_message("%zu ids, %zu bytes: %zu of %d strangers met\n", counts[c],
                      filter.signed_part.len + PHI_SM2_SIG_LEN, met, ASKED);
        assert_true(met <= 40);
    }
}

static void test_what_is_none_is_refused(void **state)
{
    struct kit *kit = *state;
    struct phi_filter filter;
    struct phi_view good = write(kit, 5);
    uint8_t *bytes = malloc(good.len + 1);
    for (size_t len = 0; len < good.len; len += len < 200 ? 1 : 997) {
        memcpy(bytes, good.data, len);
        assert_int_equal(phi_filter_read(phi_view_of(bytes, len), &filter, NULL), PHI_ERR_FRAME);
    }
    memcpy(bytes, good.data, good.len);
    bytes[good.len] = 0;
    assert_int_equal(phi_filter_read(phi_view_of(bytes, good.len + 1), &filter, NULL),
                     PHI_ERR_FRAME);
    static const size_t form[] = {0, 4, 34, 50, 75, 79, 80}; /* each a byte of one part */
    for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
        memcpy(bytes, good.data, good.len);
        bytes[form[i]] = 0xff;
        assert_int_equal(phi_filter_read(phi_view_of(bytes, good.len), &filter, NULL),
                         PHI_ERR_FRAME);
    }
    for (size_t at = 10; at < good.len; at += 131) {
        memcpy(bytes, good.data, good.len);
        bytes[at] ^= 1;
        if (phi_filter_read(phi_view_of(bytes, good.len), &filter, NULL) == PHI_OK)
            assert_int_equal(phi_filter_verify(&filter, kit->public_key), PHI_ERR_SIGNATURE);
    }
    free(bytes);
}

static void check_case(const json_t *c, const struct phi_sm2_public *key)
{
    struct phi_filter filter;
    assert_int_equal(phi_filter_read(vector_bytes(c, "bytes"), &filter, NULL), PHI_OK);
    assert_int_equal(phi_filter_verify(&filter, key), PHI_OK);
    assert_string_equal(filter.platform, vector_text(c, "platform"));
    assert_string_equal(filter.key_serial, vector_text(c, "keySerial"));
    assert_int_equal(filter.sequence, vector_int(c, "sequence"));
    assert_int_equal(filter.issued_s, vector_int(c, "issuedS"));
    assert_int_equal(filter.not_after_s, vector_int(c, "notAfterS"));
    const json_t *revoked = json_object_get(c, "revoked"), *id = NULL;
    const json_t *others = json_object_get(c, "notRevoked"), *sets = json_object_get(c, "keySets");
    size_t i;
    uint8_t bytes[PHI_REVOCATION_ID_LEN];
    assert_int_equal(filter.id_count, json_array_size(revoked));
    assert_int_equal(filter.range_count, json_array_size(sets));
    json_array_foreach(revoked, i, id)
    {
        assert_int_equal(phi_hex_decode(phi_view_text(json_string_value(id)), bytes, sizeof(bytes)),
                         PHI_OK);
        assert_true(phi_filter_has(&filter, bytes));
    }
    json_array_foreach(others, i, id)
    {
        assert_int_equal(phi_hex_decode(phi_view_text(json_string_value(id)), bytes, sizeof(bytes)),
                         PHI_OK);
        assert_false(phi_filter_has(&filter, bytes));
    }
    json_array_foreach(sets, i, id)
    {
        struct phi_filter_range found = phi_filter_range_at(&filter, i);
        assert_string_equal(found.platform, vector_text(id, "platform"));
        assert_int_equal(found.key_set, vector_int(id, "keySet"));
        assert_int_equal(found.from_s, vector_int(id, "fromS"));
        assert_int_equal(found.until_s, vector_int(id, "untilS"));
    }
}

static void test_vectors(void **state)
{
    (void)state;
    struct phi_filter filter;
    struct phi_sm2_public *key = NULL;
    json_t *file = vector_open("revocation/filter.json");
    assert_int_equal(phi_sm2_public_new(vector_bytes(file, "publicKey").data, &key), PHI_OK);
    VECTOR_EACH(file, "cases", c)
    {
        vector_name(c);
        check_case(c, key);
    }
    VECTOR_EACH(file, "malformed", c)
    {
        vector_name(c);
        assert_int_equal(phi_filter_read(vector_bytes(c, "bytes"), &filter, NULL), PHI_ERR_FRAME);
    }
    phi_sm2_public_free(key);
    vector_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_round),
        cmocka_unit_test(test_strangers_are_not_met),
        cmocka_unit_test(test_what_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
