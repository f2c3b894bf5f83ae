/* The data sources' tables for the documents, and the reader of lines for their tests.
 *
 *   print-sources            all kinds with their members, and all value sets, as one JSON text
 *   print-sources KIND NOW   reads lines of that kind at NOW (µs); a line out for each line in:
 *                            "accepted", or the error's name and the path
 */
#include "base/err.h"
#include "base/text.h"
#include "codes/value_set.h"
#include "forms/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES  65536
#define ARENA_MAX_BYTES (4 * 1024 * 1024)

static const char *const types[] = {"code",   "codes",   "time", "integer", "degrees", "flag",
                                    "region", "country", "word", "stays",   "text",    "lines"};

static void put(json_t *object, const char *field, const char *text)
{
    if (text != NULL)
        json_object_set_new(object, field, json_string(text));
}

static json_t *member_json(const struct form_member *member)
{
    json_t *json =
        json_pack("{s:s, s:s, s:b, s:b, s:i, s:i}", "name", member->name, "type",
                  types[member->type], "required", (member->flags & FORM_REQUIRED) != 0, "event",
                  (member->flags & FORM_EVENT) != 0, "min", member->min, "max", member->max);
    put(json, "set", member->set);
    put(json, "after", member->after);
    put(json, "when", member->when);
    put(json, "text", member->text);
    return json;
}

static char letter_of(const char *stream)
{
    for (size_t i = 0; i < PHI_SOURCES_COUNT; i++)
        if (strcmp(phi_sources[i].stream, stream) == 0)
            return phi_sources[i].letter;
    return '?';
}

static json_t *kind_json(const struct form_kind *kind)
{
    const char letter[2] = {letter_of(kind->stream), '\0'};
    json_t *members = json_array();
    for (size_t i = 0; i < kind->count; i++)
        json_array_append_new(members, member_json(&kind->members[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o}", "letter", letter, "kind", kind->kind,
                     "stream", kind->stream, "zh", kind->zh, "en", kind->en, "institution",
                     kind->institution, "members", members);
}

static json_t *set_json(const struct phi_value_set *set)
{
    struct phi_view code, title = phi_value_set_title(set);
    json_t *codes = json_array();
    for (size_t at = 0; phi_value_set_next(set, &at, &code);)
        json_array_append_new(codes, json_stringn((const char *)code.data, code.len));
    return json_pack("{s:s%, s:o}", "title", (const char *)title.data, title.len, "codes", codes);
}

static int print_tables(void)
{
    json_t *kinds = json_array(), *sets = json_object();
    for (size_t i = 0; form_kind_at(i) != NULL; i++)
        json_array_append_new(kinds, kind_json(form_kind_at(i)));
    for (size_t i = 0; phi_value_set_at(i) != NULL; i++)
        json_object_set_new(sets, phi_value_set_name(phi_value_set_at(i)),
                            set_json(phi_value_set_at(i)));
    json_t *all = json_pack("{s:o, s:o, s:f, s:f}", "kinds", kinds, "sets", sets, "degreesMin",
                            FORM_DEGREES_MIN, "degreesMax", FORM_DEGREES_MAX);
    int result = json_dumpf(all, stdout, JSON_INDENT(1));
    json_decref(all);
    return result == 0 ? 0 : 1;
}

static int read_lines(const struct form_kind *kind, int64_t now_us)
{
    static char line[LINE_MAX_BYTES];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct phi_arena *arena = phi_arena_new(ARENA_MAX_BYTES);
        struct form_source form;
        struct phi_error error = {0};
        if (arena == NULL)
            return 1;
        enum phi_err err = form_source_read(kind, phi_view_of(line, strcspn(line, "\n")), now_us,
                                            arena, &form, &error);
        if (err == PHI_OK)
            puts("accepted");
        else
            printf("%s %s\n", phi_err_name(err), error.place);
        phi_arena_free(arena);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int64_t now_us = 0;
    if (argc == 1)
        return print_tables();
    const struct form_kind *kind = form_kind_find(argv[1]);
    if (argc != 3 || kind == NULL ||
        phi_text_to_i64(phi_view_text(argv[2]), 0, INT64_MAX, &now_us) != PHI_OK) {
        fputs("print-sources [KIND NOW]\n", stderr);
        return 2;
    }
    return read_lines(kind, now_us);
}
