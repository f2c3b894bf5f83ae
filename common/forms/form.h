/* What people and institutions hand in, checked member by member: declarations of health and of
 * trips, lines of data sources and of the list of places. Coded members come out as `content`,
 * everything else as `personal`,
 * which is only ever sealed.
 *
 *   struct form_health form;
 *   PHI_GUARD(form_health_read(&body, now_us, arena, &form, error));
 *   … error->place is "$.health.temperature"
 *
 * Pure; any thread; the JSON handed out is the arena's, texts are the document's. A member that is
 * malformed or out of its bounds gives the errors of json.h; what is well formed but can't be (a
 * time to come, an arrival before the departure) gives PHI_ERR_RULE.
 */
#ifndef PHI_FORMS_FORM_H
#define PHI_FORMS_FORM_H

#include "codes/subject.h"
#include "json/json.h"
#include "forms/kinds.h"

#define FORM_TRIPS_MAX  20
#define FORM_RECORD_MAX 64

/* A declaration of health (信息申报, GB/T 38963 6.2). */
struct form_health {
    int64_t observed_us;
    json_t *content;
    json_t *personal;         /* the note; basic information where it is declared */
    json_t *basic;            /* NULL: not declared this time */
    const char *basic_region; /* of `basic` */
};
enum phi_err form_health_read(const struct phi_json_at *body, int64_t now_us,
                              struct phi_arena *arena, struct form_health *out,
                              struct phi_error *error) PHI_MUST_USE;

/* Basic information by itself. */
struct form_basic {
    json_t *basic;
    const char *region; /* of `basic` */
};
enum phi_err form_basic_read(const struct phi_json_at *basic, int64_t now_us,
                             struct phi_arena *arena, struct form_basic *out,
                             struct phi_error *error) PHI_MUST_USE;

/* A declaration of trips (GB/T 38963 6.3); observed at the arrival. */
struct form_trip {
    int64_t observed_us;
    json_t *content;
    json_t *personal;
};
struct form_trips {
    struct form_trip items[FORM_TRIPS_MAX];
    size_t count;
};
enum phi_err form_trips_read(const struct phi_json_at *body, int64_t now_us,
                             struct phi_arena *arena, struct form_trips *out,
                             struct phi_error *error) PHI_MUST_USE;

/* One line of a data source. */
struct form_source {
    const char *record_no;
    uint32_t revision;
    struct phi_person person;
    int64_t observed_us;
    json_t *content;
    json_t *personal; /* {name, idType, idNo, country}, birthDate and sex if told, personal text */
};
enum phi_err form_source_read(const struct form_kind *kind, struct phi_view line, int64_t now_us,
                              struct phi_arena *arena, struct form_source *out,
                              struct phi_error *error) PHI_MUST_USE;

/* What a record says, {observedAt, content}, apart from whose it is and by which number: as the
 * decision about a dispute writes it. */
struct form_record {
    int64_t observed_us;
    json_t *content;
    json_t *personal; /* personal text only, {} without any */
};
enum phi_err form_record_read(const struct form_kind *kind, const struct phi_json_at *record,
                              int64_t now_us, struct phi_arena *arena, struct form_record *out,
                              struct phi_error *error) PHI_MUST_USE;

/* A line of the published list of area risks, affected communities and venues; nothing of it is
 * personal. */
#define FORM_PLACE_KEY_MAX 128
struct form_place {
    char key[FORM_PLACE_KEY_MAX]; /* kind/id/from in seconds: what an entry is known by */
    const char *record_no;
    int64_t revision;
    int64_t from_us;
    json_t *content; /* {kind, region, placeId?, name?, risk, from, to, state} */
};
enum phi_err form_place_read(struct phi_view line, int64_t now_us, struct phi_arena *arena,
                             struct form_place *out, struct phi_error *error) PHI_MUST_USE;

/* What they share. */

/* A time that has come, give or take a clock's 5 seconds, and not more than ten years ago. */
enum phi_err form_past(const struct phi_json_at *object, const char *field, int64_t now_us,
                       int64_t *time_us, struct phi_error *error) PHI_MUST_USE;
/* `later` is not before `earlier`: PHI_ERR_RULE at `field`. */
enum phi_err form_order(const struct phi_json_at *object, const char *field, int64_t earlier_us,
                        int64_t later_us, struct phi_error *error) PHI_MUST_USE;
/* An administrative region: PHI_ERR_FIELD_VALUE when it has not the form of one, PHI_ERR_RULE when
 * no edition of GB/T 2260 has it. */
enum phi_err form_region(const struct phi_json_at *object, const char *field, const char **out,
                         struct phi_error *error) PHI_MUST_USE;
/* An empty object of the arena's. */
enum phi_err form_object(struct phi_arena *arena, json_t **out) PHI_MUST_USE;
/* Adds a member, taking the reference; NULL is out of memory. form_put_text leaves NULL out. */
enum phi_err form_put(json_t *object, const char *field, json_t *value) PHI_MUST_USE;
enum phi_err form_put_text(json_t *object, const char *field, const char *text) PHI_MUST_USE;
enum phi_err form_put_time(json_t *object, const char *field, int64_t time_us) PHI_MUST_USE;
/* Reads an optional text of the document (one line, 1..max characters) into `to` under the same
 * name. */
enum phi_err form_move_text(const struct phi_json_at *object, const char *field, size_t max,
                            json_t *to, struct phi_error *error) PHI_MUST_USE;
/* Writes into `to`, as text, one choice of a required member. */
enum phi_err form_move_choice(const struct phi_json_at *object, const char *field,
                              const char *const *choices, size_t count, json_t *to,
                              struct phi_error *error) PHI_MUST_USE;

/* One code of a value set of docs/value-sets, or PHI_ERR_FIELD_VALUE. */
enum phi_err form_code(const struct phi_json_at *at, const char *set, const char **out,
                       struct phi_error *error) PHI_MUST_USE;
/* Different codes of a value set, into `to` as an array; `required` also when it is empty. */
enum phi_err form_move_codes(const struct phi_json_at *object, const char *field, const char *set,
                             bool required, json_t *to, struct phi_error *error) PHI_MUST_USE;
/* At most `max` stays {region, from, to} in the past, into `to` as an array; none without the
 * member. */
enum phi_err form_move_stays(const struct phi_json_at *object, const char *field, size_t max,
                             int64_t now_us, json_t *to, struct phi_error *error) PHI_MUST_USE;
/* {name, idType, idNo, country} with the number in canonical form. PHI_ERR_FIELD_VALUE with place
 * "idType", "idNo" or "country"; PHI_ERR_MEMORY. */
enum phi_err form_person(const struct phi_person *person, struct phi_arena *arena, json_t **out,
                         struct phi_error *error) PHI_MUST_USE;

/* birthDate (YYYY-MM-DD) and sex (GB/T 2261.1) of `object`, both optional, into `identity`, which
 * has idType and the canonical idNo already (form_person). Where the number tells them (18 digits
 * of 111, 551, 552, 553) they must agree; nobody is born tomorrow: PHI_ERR_RULE. */
enum phi_err form_move_born(const struct phi_json_at *object, int64_t now_us, json_t *identity,
                            struct phi_error *error) PHI_MUST_USE;

#define FORM_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
