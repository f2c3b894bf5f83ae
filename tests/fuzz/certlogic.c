/* A rule and a document: the rule, a line feed, the document. What is read at once and by way of
 * jansson is the same; the clock's member is never past; what check lets pass has no unknown
 * operation. */
#include "certlogic/certlogic.h"
#include "fuzz.h"
#include "json/json.h"

#define ARENA_MAX ((size_t)256 * 1024 * 1024)
#define NOW_MS    1795233600000

static const struct phi_certlogic_value *clock_of(const struct phi_certlogic_value *data)
{
    for (size_t i = 0; data->type == PHI_CERTLOGIC_OBJECT && i < data->count; i++)
        if (phi_view_equal(data->of.members[i].key, phi_view_text("now")) &&
            data->of.members[i].value->type == PHI_CERTLOGIC_TEXT)
            return data->of.members[i].value;
    return NULL;
}

static void set_clock(const struct phi_certlogic_value *now)
{
    struct phi_certlogic_value *own = (struct phi_certlogic_value *)(uintptr_t)now;
    own->is_now = true;
    own->when = PHI_CERTLOGIC_WHEN_MS;
    own->ms = NOW_MS;
}

static void evaluate(struct phi_arena *arena, const json_t *logic,
                     const struct phi_certlogic_value *data)
{
    struct phi_error error = {.code = PHI_OK};
    struct phi_certlogic_outcome outcome;
    const struct phi_certlogic_rule *rule = NULL;
    const struct phi_certlogic_value *now = clock_of(data);
    json_t *result = NULL;
    if (now != NULL)
        set_clock(now);
    if (phi_certlogic_compile(logic, arena, &rule) != PHI_OK)
        return;
    bool is_sound = phi_certlogic_check(rule, &error) == PHI_OK;
    enum phi_err err = phi_certlogic_evaluate(rule, data, now, arena, &outcome, &error);
    fuzz_expect(err == PHI_OK || err == PHI_ERR_RULE || err == PHI_ERR_MEMORY);
    fuzz_expect(outcome.until_ms > NOW_MS);
    fuzz_expect(!is_sound || err != PHI_ERR_RULE ||
                strcmp(error.text, "an unknown operation") != 0);
    if (err == PHI_OK && phi_certlogic_value_export(outcome.value, &result) == PHI_OK)
        json_decref(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct phi_view rest = phi_view_of(bytes, len);
    struct phi_view first = fuzz_cut(&rest, '\n');
    struct phi_arena *arena = fuzz_arena(ARENA_MAX);
    struct phi_json_at logic, document;
    const struct phi_certlogic_value *data = NULL;
    bool is_logic = phi_json_read(first, 400, arena, &logic, NULL) == PHI_OK;
    bool is_json = phi_json_read(rest, 100, arena, &document, NULL) == PHI_OK;
    enum phi_err err =
        rest.len == 0 ? PHI_ERR_JSON : phi_certlogic_value_read(arena, rest, 100, &data);
    fuzz_expect(!is_json || err == PHI_OK);
    if (is_logic && err == PHI_OK)
        evaluate(arena, logic.value, data);
    phi_arena_free(arena);
    return 0;
}
