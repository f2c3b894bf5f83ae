/* The values that rules work on: what JSON has, and times. They are nodes of an arena, made from
 * JSON once and only read after; the person's facts are put together from them.
 *
 *   const struct phi_certlogic_value *data = NULL;
 *   PHI_GUARD(phi_certlogic_value_read(arena, text, 12, &data, error));    // of a text of JSON
 *   PHI_GUARD(phi_certlogic_value_import(arena, json, &data));             // of jansson's
 *
 * Nothing here blocks; a document is one thread's at a time, since a text remembers the time it was
 * read as.
 */
#ifndef PHI_CERTLOGIC_VALUE_H
#define PHI_CERTLOGIC_VALUE_H

#include "base/arena.h"

#include <jansson.h>
#include <stdint.h>

enum phi_certlogic_type {
    PHI_CERTLOGIC_NULL,
    PHI_CERTLOGIC_BOOL,
    PHI_CERTLOGIC_NUMBER,
    PHI_CERTLOGIC_TEXT,
    PHI_CERTLOGIC_ARRAY,
    PHI_CERTLOGIC_OBJECT,
    PHI_CERTLOGIC_TIME
};

/* What a text was found to be as a time. */
enum phi_certlogic_when {
    PHI_CERTLOGIC_WHEN_UNKNOWN, /* nobody asked yet */
    PHI_CERTLOGIC_WHEN_MS,
    PHI_CERTLOGIC_WHEN_INVALID, /* of the form, but no day of a calendar: compares as false */
    PHI_CERTLOGIC_WHEN_NONE     /* no time at all */
};

enum phi_certlogic_unit {
    PHI_CERTLOGIC_YEAR,
    PHI_CERTLOGIC_MONTH,
    PHI_CERTLOGIC_DAY,
    PHI_CERTLOGIC_HOUR
};

struct phi_certlogic_member;

struct phi_certlogic_value {
    uint8_t type;
    uint8_t when;   /* of a text or a time */
    uint8_t unit;   /* of a time that moves with now */
    bool is_now;    /* the text that is the clock; a time that was made of it */
    uint32_t count; /* bytes of a text, items, members; 1 of true */
    union {
        double number;
        const char *text; /* UTF-8, not ended by a zero */
        const struct phi_certlogic_value *const *items;
        const struct phi_certlogic_member *members;
        int64_t amount; /* of a time that moves with now: how many units from it */
    } of;
    int64_t ms; /* since 1970, where `when` says so */
};

struct phi_certlogic_member {
    struct phi_view key;
    const struct phi_certlogic_value *value;
};

extern const struct phi_certlogic_value phi_certlogic_null, phi_certlogic_true, phi_certlogic_false;

/* All of these give NULL when the arena is full. */
struct phi_certlogic_value *phi_certlogic_value_number(struct phi_arena *arena, double number);
/* Borrows the bytes. */
struct phi_certlogic_value *phi_certlogic_value_text(struct phi_arena *arena, struct phi_view text);
/* A text whose time is known already. */
struct phi_certlogic_value *phi_certlogic_value_instant(struct phi_arena *arena,
                                                        struct phi_view text, int64_t ms);
/* Borrow the items and members, which the caller may fill before first use. */
struct phi_certlogic_value *
phi_certlogic_value_array(struct phi_arena *arena, const struct phi_certlogic_value *const *items,
                          size_t count);
struct phi_certlogic_value *phi_certlogic_value_object(struct phi_arena *arena,
                                                       const struct phi_certlogic_member *members,
                                                       size_t count);

/* Copies `json` whole. PHI_ERR_MEMORY. */
enum phi_err phi_certlogic_value_import(struct phi_arena *arena, const json_t *json,
                                        const struct phi_certlogic_value **out) PHI_MUST_USE;
/* The way back; times as text in UTC with milliseconds, an invalid one and an infinite number as
 * null. The caller's reference. PHI_ERR_MEMORY; PHI_ERR_RULE for half a character, which JSON in
 * UTF-8 can't have. */
enum phi_err phi_certlogic_value_export(const struct phi_certlogic_value *value,
                                        json_t **out) PHI_MUST_USE;
/* Reads one text of JSON, borrowing from it the texts without an escape: it must live as long as
 * the arena is used. The last of members with one name counts. PHI_ERR_JSON, PHI_ERR_MEMORY. */
enum phi_err phi_certlogic_value_read(struct phi_arena *arena, struct phi_view text,
                                      size_t max_depth,
                                      const struct phi_certlogic_value **out) PHI_MUST_USE;

#endif
