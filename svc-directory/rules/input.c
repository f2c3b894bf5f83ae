#include "svc-directory/rules/input.h"

#include "base/time.h"

#include <math.h>
#include <string.h>

#define CONTENT_DEPTH_MAX 12
#define FACT_MEMBERS      5

/* CertLogic compares integers only: degrees are told in tenths too. */
static enum phi_err add_tenths(struct phi_arena *arena, const struct phi_certlogic_value **content)
{
    const struct phi_certlogic_value *old = *content;
    const struct phi_certlogic_value *degrees = NULL;
    for (size_t i = 0; i < old->count; i++)
        if (phi_view_equal(old->of.members[i].key, phi_view_text("temperature")))
            degrees = old->of.members[i].value;
    if (degrees == NULL || degrees->type != PHI_CERTLOGIC_NUMBER)
        return PHI_OK;
    struct phi_certlogic_member *members =
        phi_arena_alloc(arena, (old->count + 1) * sizeof(*members));
    struct phi_certlogic_value *tenths =
        phi_certlogic_value_number(arena, round(degrees->of.number * 10));
    if (members == NULL || tenths == NULL)
        return PHI_ERR_MEMORY;
    memcpy(members, old->of.members, old->count * sizeof(*members));
    members[old->count] = (struct phi_certlogic_member){phi_view_text("temperatureTenths"), tenths};
    *content = phi_certlogic_value_object(arena, members, old->count + 1);
    return *content == NULL ? PHI_ERR_MEMORY : PHI_OK;
}

static enum phi_err read_content(struct phi_arena *arena, struct phi_view text,
                                 const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_certlogic_value_read(arena, text, CONTENT_DEPTH_MAX, out));
    PHI_GUARD((*out)->type == PHI_CERTLOGIC_OBJECT ? PHI_OK : PHI_ERR_DATA_BROKEN);
    PHI_GUARD(add_tenths(arena, out));
out:
    return err == PHI_ERR_JSON ? PHI_ERR_DATA_BROKEN : err;
}

static struct phi_certlogic_value *instant_of(struct phi_arena *arena, int64_t time_us)
{
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(time_us, text);
    size_t len = strlen(text);
    const char *copy = phi_arena_copy(arena, text, len);
    int64_t ms = (time_us >= 0 ? time_us : time_us - 999) / 1000;
    return copy == NULL ? NULL : phi_certlogic_value_instant(arena, phi_view_of(copy, len), ms);
}

static enum phi_err fact_value(struct rules_input *input, const struct rules_fact *fact,
                               const struct phi_certlogic_value **out)
{
    enum phi_err err = PHI_OK;
    struct phi_arena *arena = input->arena;
    const struct phi_certlogic_value *content = NULL;
    struct phi_certlogic_member *members = phi_arena_alloc(arena, FACT_MEMBERS * sizeof(*members));
    PHI_GUARD(members == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(read_content(arena, fact->content, &content));
    const struct phi_certlogic_member all[FACT_MEMBERS] = {
        {phi_view_text("source"), phi_certlogic_value_text(arena, fact->source)},
        {phi_view_text("institution"), phi_certlogic_value_text(arena, fact->institution)},
        {phi_view_text("observedAt"), instant_of(arena, fact->observed_us)},
        {phi_view_text("content"), content},
        {phi_view_text("now"), input->now},
    };
    for (size_t i = 0; i < FACT_MEMBERS; i++)
        PHI_GUARD(all[i].value == NULL ? PHI_ERR_MEMORY : PHI_OK);
    memcpy(members, all, sizeof(all));
    *out = phi_certlogic_value_object(arena, members, FACT_MEMBERS);
    PHI_GUARD(*out == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

static enum phi_err add_facts(struct rules_input *input)
{
    enum phi_err err = PHI_OK;
    const struct phi_certlogic_value **items =
        phi_arena_alloc(input->arena, input->count * sizeof(*items));
    PHI_GUARD(items == NULL ? PHI_ERR_MEMORY : PHI_OK);
    for (size_t i = 0; i < input->count; i++)
        PHI_GUARD(fact_value(input, &input->facts[i], &items[i]));
    input->array = phi_certlogic_value_array(input->arena, items, input->count);
    PHI_GUARD(input->array == NULL ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

enum phi_err rules_input_new(struct phi_arena *arena, const struct rules_fact *facts, size_t count,
                             int64_t now_us, struct rules_input **out)
{
    enum phi_err err = PHI_OK;
    struct rules_input *input = phi_arena_alloc(arena, sizeof(*input));
    struct phi_certlogic_member *members = phi_arena_alloc(arena, 2 * sizeof(*members));
    PHI_GUARD(input == NULL || members == NULL ? PHI_ERR_MEMORY : PHI_OK);
    *input = (struct rules_input){
        .arena = arena, .now = instant_of(arena, now_us), .facts = facts, .count = count};
    PHI_GUARD(input->now == NULL ? PHI_ERR_MEMORY : PHI_OK);
    input->now->is_now = true;
    PHI_GUARD(add_facts(input));
    members[0] = (struct phi_certlogic_member){phi_view_text("now"), input->now};
    members[1] = (struct phi_certlogic_member){phi_view_text("facts"), input->array};
    input->document = phi_certlogic_value_object(arena, members, 2);
    PHI_GUARD(input->document == NULL ? PHI_ERR_MEMORY : PHI_OK);
    rules_input_set_clock(input, now_us);
    *out = input;
out:
    return err;
}

int64_t rules_input_set_clock(struct rules_input *input, int64_t now_us)
{
    size_t count = input->count;
    input->now->ms = (now_us >= 0 ? now_us : now_us - 999) / 1000;
    while (count > 0 && input->facts[count - 1].observed_us < now_us - RULES_WINDOW_US)
        count--;
    input->array->count = (uint32_t)count;
    return count == 0 ? INT64_MAX : input->facts[count - 1].observed_us + RULES_WINDOW_US + 1;
}

static const struct phi_certlogic_value *find(const struct phi_certlogic_value *object,
                                              const char *name)
{
    for (size_t i = 0; i < object->count; i++)
        if (phi_view_equal(object->of.members[i].key, phi_view_text(name)))
            return object->of.members[i].value;
    return &phi_certlogic_null;
}

struct phi_view rules_input_word(const struct rules_input *input, size_t fact, const char *member)
{
    const struct phi_certlogic_value *content = find(input->array->of.items[fact], "content");
    const struct phi_certlogic_value *word = find(content, member);
    return word->type == PHI_CERTLOGIC_TEXT ? phi_view_of(word->of.text, word->count)
                                            : phi_view_of(NULL, 0);
}
