/* A body: parsed, written in the one canonical form, which reads back as itself (but for numbers
 * with an exponent that are written as integers past 2^53, which aren't let in). */
#include "fuzz.h"
#include "json/canonical.h"

#define ARENA_MAX (4 * 1024 * 1024)

static void read_all_ways(const struct phi_json_at *at)
{
    static const char *const choices[] = {"a", "b"};
    const char *text = NULL;
    struct phi_json_date date;
    struct phi_error error;
    int64_t number = 0;
    double real = 0;
    bool flag = false;
    size_t count = 0;
    uint8_t bytes[16];
    bool is_any = phi_json_as_text(at, 0, 64, &text, &error) == PHI_OK ||
                  phi_json_as_lines(at, 0, 64, &text, &error) == PHI_OK ||
                  phi_json_as_word(at, 64, &text, &error) == PHI_OK ||
                  phi_json_as_int(at, INT64_MIN, INT64_MAX, &number, &error) == PHI_OK ||
                  phi_json_as_number(at, -1e9, 1e9, &real, &error) == PHI_OK ||
                  phi_json_as_bool(at, &flag, &error) == PHI_OK ||
                  phi_json_as_time(at, &number, &error) == PHI_OK ||
                  phi_json_as_date(at, &date, &error) == PHI_OK ||
                  phi_json_as_enum(at, choices, 2, &count, &error) == PHI_OK ||
                  phi_json_as_hex(at, bytes, sizeof(bytes), &error) == PHI_OK ||
                  phi_json_as_base64(at, 0, sizeof(bytes), bytes, &count, &error) == PHI_OK;
    fuzz_expect(is_any || error.code != PHI_OK);
}

static void read_members(const struct phi_json_at *at)
{
    static const char *const names[] = {"a", "b"};
    struct phi_json_at member;
    size_t count = 0;
    read_all_ways(at);
    if (phi_json_only(at, names, 2, NULL) == PHI_OK &&
        phi_json_member(at, "a", true, &member, NULL) == PHI_OK)
        read_all_ways(&member);
    if (phi_json_as_array(at, 0, 8, &count, NULL) != PHI_OK)
        return;
    for (size_t i = 0; i <= count; i++) {
        struct phi_json_at item = phi_json_item(at, i);
        read_all_ways(&item);
    }
}

static void check_canonical(const struct phi_json_at *root, struct phi_arena *arena)
{
    struct phi_view once = {0}, twice = {0};
    struct phi_json_at again;
    struct phi_error error;
    if (phi_json_canonical(root->value, arena, &once) != PHI_OK ||
        phi_json_read(once, 16, arena, &again, &error) != PHI_OK ||
        phi_json_canonical(again.value, arena, &twice) != PHI_OK)
        return;
    fuzz_expect(phi_view_equal(once, twice));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > 16384)
        return 0;
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    struct phi_json_at root;
    struct phi_error error;
    if (phi_json_read(phi_view_of(data, len), 16, arena, &root, &error) == PHI_OK) {
        read_members(&root);
        check_canonical(&root, arena);
    }
    phi_arena_free(arena);
    return 0;
}
