#include "certlogic/certlogic_value.h"

#include <math.h>
#include <string.h>

void certlogic_value_drop(struct certlogic_value *value)
{
    json_decref(value->json);
    value->json = NULL;
}

struct certlogic_value certlogic_value_of(json_t *json)
{
    return (struct certlogic_value){.json = json};
}

struct certlogic_value certlogic_value_borrow(const json_t *json)
{
    return certlogic_value_of(json_incref((json_t *)(uintptr_t)json));
}

bool certlogic_is_int(const struct certlogic_value *value, int64_t *out)
{
    if (value->is_time || !json_is_number(value->json))
        return false;
    double real = json_number_value(value->json);
    if (fabs(real) > (double)CERTLOGIC_INT_MAX || real != floor(real))
        return false;
    *out = json_is_integer(value->json) ? json_integer_value(value->json) : (int64_t)real;
    return true;
}

/* False for what is neither: times, numbers with a fraction. */
bool certlogic_truth_of(const struct certlogic_value *value, bool *is_truthy)
{
    int64_t number = 0;
    if (value->is_time)
        return false;
    switch (json_typeof(value->json)) {
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        *is_truthy = json_is_true(value->json);
        return true;
    case JSON_STRING:
        *is_truthy = json_string_length(value->json) > 0;
        return true;
    case JSON_ARRAY:
        *is_truthy = json_array_size(value->json) > 0;
        return true;
    case JSON_OBJECT:
        *is_truthy = json_object_size(value->json) > 0;
        return true;
    default:
        *is_truthy = certlogic_is_int(value, &number) && number != 0;
        return certlogic_is_int(value, &number);
    }
}

/* As === has it: numbers, texts, booleans and null by what they are, arrays and objects by which
 * they are. */
bool certlogic_is_same(const struct certlogic_value *a, const struct certlogic_value *b)
{
    if (a->is_time || b->is_time)
        return false;
    if (json_is_number(a->json) && json_is_number(b->json))
        return json_number_value(a->json) == json_number_value(b->json);
    if (json_is_string(a->json) && json_is_string(b->json))
        return phi_view_equal(phi_view_of(json_string_value(a->json), json_string_length(a->json)),
                              phi_view_of(json_string_value(b->json), json_string_length(b->json)));
    return a->json == b->json; /* true, false and null exist once */
}

/* A fragment as an index, in the manner of parseInt: the digits it begins with. */
static bool index_of(struct phi_view fragment, int64_t *out)
{
    size_t i = fragment.len > 0 && (fragment.data[0] == '-' || fragment.data[0] == '+') ? 1 : 0;
    bool is_negative = i == 1 && fragment.data[0] == '-';
    size_t first = i;
    int64_t number = 0;
    for (; i < fragment.len && i < first + 15 && fragment.data[i] >= '0' && fragment.data[i] <= '9';
         i++)
        number = number * 10 + (fragment.data[i] - '0');
    *out = is_negative ? -number : number;
    return i > first;
}

/* Length in UTF-16 code units. */
static int64_t length_of(const json_t *text)
{
    int64_t units = 0;
    const char *at = json_string_value(text);
    for (size_t i = 0; i < json_string_length(text); i++)
        units += ((unsigned char)at[i] & 0xc0) != 0x80 ? 1 + ((unsigned char)at[i] >= 0xf0) : 0;
    return units;
}

static json_t *member_of(const json_t *object, struct phi_view fragment, bool has_index,
                         int64_t index)
{
    char key[24];
    if (!has_index)
        return json_object_getn(object, (const char *)fragment.data, fragment.len);
    snprintf(key, sizeof(key), "%lld", (long long)index);
    return json_object_get(object, key);
}

/* One step into a value; what isn't there is null. Takes the reference and gives one. */
json_t *certlogic_descend(json_t *from, struct phi_view fragment)
{
    int64_t index = 0;
    json_t *to = NULL;
    bool has_index = index_of(fragment, &index);
    bool is_length = phi_view_equal(fragment, phi_view_text("length"));
    if (json_is_object(from))
        to = json_incref(member_of(from, fragment, has_index, index));
    else if (json_is_array(from) && has_index && index >= 0)
        to = json_incref(json_array_get(from, (size_t)index));
    else if (json_is_array(from) && is_length)
        to = json_integer((json_int_t)json_array_size(from));
    else if (json_is_string(from) && is_length)
        to = json_integer(length_of(from));
    json_decref(from);
    return to == NULL ? json_null() : to;
}

struct phi_view certlogic_next_fragment(const char **path)
{
    size_t len = strcspn(*path, ".");
    struct phi_view fragment = phi_view_of(*path, len);
    *path += len + ((*path)[len] == '.' ? 1 : 0);
    return fragment;
}
