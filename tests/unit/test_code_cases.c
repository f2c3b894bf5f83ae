/* Every file of tests/vectors/codes, every layer of it: consent record, text and bytes both ways,
 * the parts, the symbol, and the verdicts of a verifier at the file's clock. */
#include "vector_file.h"

#include "codes/consent.h"
#include "json/canonical.h"
#include "phictl/code/judge.h"
#include "picture/symbol.h"

#include <dirent.h>
#include <zint.h>

#define CASES_MIN 60
#define US        INT64_C(1000000)

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!value)
        fail_msg("no member \"%s\"", name);
    return value;
}

static bool is_null(const json_t *object, const char *name)
{
    return json_is_null(member(object, name));
}

/* Consent */

static enum phi_err make_passing(const json_t *consent, struct phi_view *record)
{
    const json_t *given = member(consent, "person");
    const struct phi_person person = {.name = vector_view(given, "name"),
                                      .id_type = vector_view(given, "idType"),
                                      .id_no = vector_view(given, "idNo"),
                                      .country = vector_view(given, "country")};
    return phi_consent_format(&person, vector_int(consent, "timeS"), vector_arena, record);
}

static void check_consent(const json_t *consent, const json_t *expect)
{
    struct phi_view record = {0};
    uint8_t digest[PHI_SM3_LEN];
    bool is_passing = strcmp(vector_text(consent, "form"), "passing") == 0;
    enum phi_err err = is_passing
                           ? make_passing(consent, &record)
                           : phi_json_canonical(member(consent, "elements"), vector_arena, &record);
    assert_string_equal(phi_err_name(err), vector_text(expect, "consent"));
    assert_true((err != PHI_OK) == is_null(consent, "record"));
    if (err != PHI_OK)
        return;
    assert_view(record, vector_view(consent, "record"));
    assert_int_equal(phi_consent_digest(record, digest), PHI_OK);
    assert_view(phi_view_of(digest, sizeof(digest)), vector_bytes(consent, "digest"));
}

/* Bytes, text, symbol */

static void check_text(const json_t *layers, const json_t *expect)
{
    static uint8_t bytes[PHI_JKM1_MAX];
    static char again[PHI_JKM1_TEXT_MAX + 1];
    size_t len = 0;
    if (is_null(layers, "text"))
        return;
    struct phi_view text = vector_view(layers, "text");
    enum phi_err err = phi_jkm1_text_decode(text, bytes, sizeof(bytes), &len);
    assert_string_equal(phi_err_name(err), vector_text(expect, "text"));
    if (err != PHI_OK)
        return;
    assert_view(phi_view_of(bytes, len), vector_bytes(layers, "bytes"));
    phi_jkm1_text_encode(bytes, len, again);
    assert_view(phi_view_text(again), text);
}

static bool is_dark_in(const json_t *rows, int x, int y)
{
    const char *row = json_string_value(json_array_get(rows, (size_t)y));
    assert_non_null(row);
    uint8_t byte = 0;
    assert_int_equal(phi_hex_decode(phi_view_of(row + x / 8 * 2, 2), &byte, 1), PHI_OK);
    return (byte >> (7 - x % 8) & 1) != 0;
}

/* The whole symbol by the library, under a mask that we choose: any of the eight is a good one. */
static void draw(const char *text, int mask, struct phi_symbol *out)
{
    struct zint_symbol *drawn = ZBarcode_Create();
    assert_non_null(drawn);
    drawn->symbology = BARCODE_QRCODE;
    drawn->option_1 = 4;
    drawn->option_3 = (mask + 1) << 8;
    drawn->input_mode = UNICODE_MODE;
    assert_int_equal(ZBarcode_Encode(drawn, (const unsigned char *)text, 0), 0);
    memset(out->bits, 0, sizeof(out->bits));
    out->size = drawn->width;
    for (int y = 0; y < drawn->rows; y++)
        for (int x = 0; x < drawn->width; x++)
            if ((drawn->encoded_data[y][x >> 3] >> (x & 7) & 1) != 0)
                out->bits[(y * out->size + x) / 8] |= (uint8_t)(0x80 >> (y * out->size + x) % 8);
    ZBarcode_Delete(drawn);
}

static bool is_ours(const struct phi_symbol *symbol, const char *text)
{
    static struct phi_symbol drawn;
    for (int mask = 0; mask < 8; mask++) {
        draw(text, mask, &drawn);
        if (drawn.size == symbol->size && memcmp(drawn.bits, symbol->bits, sizeof(drawn.bits)) == 0)
            return true;
    }
    return false;
}

static void check_picture(const json_t *layers)
{
    if (is_null(layers, "picture"))
        return;
    static struct phi_symbol symbol;
    const json_t *picture = member(layers, "picture");
    const char *text = vector_text(layers, "text");
    assert_int_equal(phi_symbol_encode(PHI_SYMBOL_QR, phi_view_text(text), &symbol), PHI_OK);
    assert_int_equal(symbol.size, vector_int(picture, "size"));
    assert_true(is_ours(&symbol, text));
    draw(text, (int)vector_int(picture, "mask"), &symbol);
    for (int y = 0; y < symbol.size; y++)
        for (int x = 0; x < symbol.size; x++)
            assert_int_equal(phi_symbol_is_dark(&symbol, x, y),
                             is_dark_in(member(picture, "modules"), x, y));
}

/* The parts of a code whose form is good */

static void check_a(const struct phi_jkm1 *code, const json_t *a)
{
    uint8_t serial[PHI_JKM1_SERIAL_LEN];
    bool is_own = strcmp(vector_text(a, "form"), "own") == 0;
    assert_view(code->a, vector_bytes(a, "content"));
    assert_int_equal(phi_jkm1_serial(code, is_own, serial), PHI_OK);
    assert_view(phi_view_of(serial, sizeof(serial)), vector_bytes(a, "serial"));
    if (!is_own)
        return;
    assert_true(code->is_own_form);
    assert_int_equal(code->key_set, vector_int(a, "keySet"));
    assert_view(code->sealed, vector_bytes(a, "sealed"));
}

static void check_b(const struct phi_jkm1 *code, const json_t *b)
{
    char deadline[PHI_TIME14_LEN + 1];
    phi_time14_format(code->deadline_s, 0, deadline);
    assert_int_equal(code->version, vector_int(b, "version"));
    assert_string_equal(code->platform, vector_text(b, "platform"));
    assert_string_equal(deadline, vector_text(b, "deadline"));
    assert_view(phi_view_of(code->consent_digest, PHI_SM3_LEN), vector_bytes(b, "consentDigest"));
}

/* A and B written again from their parts are the bytes that were signed. */
static void check_encoding(const struct phi_jkm1 *code)
{
    static uint8_t buffer[PHI_JKM1_MAX];
    struct phi_writer writer = phi_writer_of(buffer, sizeof(buffer));
    const struct phi_jkm1_parts parts = {code->a, code->platform, code->deadline_s,
                                         code->consent_digest};
    assert_int_equal(phi_jkm1_encode(&parts, &writer), PHI_OK);
    assert_view(phi_view_of(buffer, phi_writer_len(&writer)), code->signed_part);
}

static void check_parts(const struct phi_jkm1 *code, const json_t *layers, const json_t *expect)
{
    uint8_t id[16];
    const json_t *s = member(layers, "S");
    check_a(code, member(layers, "A"));
    check_b(code, member(layers, "B"));
    check_encoding(code);
    assert_view(phi_view_of(code->sig, 32), vector_bytes(s, "r"));
    assert_view(phi_view_of(code->sig + 32, 32), vector_bytes(s, "s"));
    struct phi_view serial = vector_bytes(member(layers, "A"), "serial");
    assert_int_equal(phi_jkm1_revocation_id(code->platform, serial.data, id), PHI_OK);
    assert_view(phi_view_of(id, sizeof(id)), vector_bytes(layers, "revocationId"));
    if (is_null(expect, "digest"))
        return;
    struct phi_view digest = vector_bytes(member(layers, "consent"), "digest");
    bool is_its_own = memcmp(digest.data, code->consent_digest, PHI_SM3_LEN) == 0;
    assert_string_equal(is_its_own ? "ok" : "differs", vector_text(expect, "digest"));
}

/* Verdicts */

static struct phi_codeside *codeside_of(const json_t *issuer)
{
    struct phi_codeside_set sets[PHI_CODESIDE_SETS_MAX];
    struct phi_codeside *codeside = NULL;
    size_t count = 0;
    VECTOR_EACH(issuer, "keySets", set)
    {
        sets[count] = (struct phi_codeside_set){.id = (uint8_t)vector_int(set, "keySet")};
        memcpy(sets[count++].seal_key, vector_bytes(set, "sealKey").data, PHI_SM4_KEY_LEN);
    }
    assert_int_equal(
        phi_codeside_new(vector_text(issuer, "platform"), sets, count, NULL, &codeside), PHI_OK);
    return codeside;
}

static void read_trust(const json_t *file, struct phi_trust_list *out)
{
    struct phi_view json;
    struct phi_error error;
    assert_int_equal(phi_json_canonical(member(file, "trustList"), vector_arena, &json), PHI_OK);
    if (phi_trust_decode(json, vector_arena, out, &error) != PHI_OK)
        fail_msg("trust list: %s %s", error.place, error.text);
}

static void check_verdicts(const struct ctl_judgement *found, const json_t *expect)
{
    for (int i = 0; i < CTL_LAYER_COUNT; i++) {
        const char *name = ctl_layer_name((enum ctl_layer)i);
        const char *wanted = json_string_value(member(expect, name));
        const char *got = found->is_reached[i] ? phi_err_name(found->results[i]) : "not reached";
        if (strcmp(got, wanted ? wanted : "not reached") != 0)
            fail_msg("%s: %s instead of %s", name, got, wanted ? wanted : "not reached");
    }
    enum phi_err verdict = ctl_code_verdict(found);
    assert_string_equal(phi_err_name(verdict), vector_text(expect, "verdict"));
    assert_string_equal(phi_err_return_code(verdict), vector_text(expect, "resultCode"));
    if (!is_null(expect, "place"))
        assert_string_equal(found->error.place, vector_text(expect, "place"));
}

static void check_content(const struct ctl_judgement *found, const json_t *a)
{
    if (json_object_get(a, "subject") == NULL || found->results[CTL_LAYER_SEALED] != PHI_OK)
        return;
    assert_view(phi_view_of(found->content.subject, PHI_SUBJECT_LEN), vector_bytes(a, "subject"));
    assert_int_equal(found->content.flags, vector_int(a, "flags"));
}

static void check_code(const json_t *file, const json_t *layers, const json_t *expect)
{
    static struct ctl_judgement found;
    struct phi_trust_list list;
    struct phi_codeside *codeside = codeside_of(member(file, "issuer"));
    bool is_text = !is_null(layers, "text");
    struct ctl_judge_input input = {.is_text = is_text,
                                    .given = is_text ? vector_view(layers, "text")
                                                     : vector_bytes(layers, "bytes"),
                                    .trust = &list,
                                    .codeside = codeside,
                                    .now_us = vector_int(file, "clockS") * US + US - 1};
    read_trust(file, &list);
    ctl_code_judge(&input, &found);
    check_verdicts(&found, expect);
    if (found.is_reached[CTL_LAYER_FORM] && found.results[CTL_LAYER_FORM] == PHI_OK) {
        check_parts(&found.code, layers, expect);
        if (found.is_reached[CTL_LAYER_SEALED])
            check_content(&found, member(layers, "A"));
    }
    phi_codeside_free(codeside);
}

static void check_file(const char *name)
{
    char path[300];
    snprintf(path, sizeof(path), "codes/%s", name);
    json_t *file = vector_open(path);
    vector_name(file);
    const json_t *layers = member(file, "layers");
    const json_t *expect = member(file, "expect");
    if (!is_null(layers, "consent"))
        check_consent(member(layers, "consent"), expect);
    check_text(layers, expect);
    check_picture(layers);
    if (!is_null(expect, "verdict"))
        check_code(file, layers, expect);
    vector_close(file);
}

static void every_case_in_every_layer(void **state)
{
    (void)state;
    size_t count = 0;
    DIR *folder = opendir(PHI_VECTORS "/codes");
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot == NULL || strcmp(dot, ".json") != 0)
            continue;
        check_file(entry->d_name);
        count++;
    }
    closedir(folder);
    assert_true(count >= CASES_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_in_every_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
