/* What a record of each data source says (GB/T 38961 B.2 a to n): one table a kind, from which the
 * reader of lines (form_source.c), the JSON Schemas in docs/schemas and docs/lines, docs/sources.md
 * and the lines of openapi.json are all made.
 *
 *   const struct form_kind *kind = form_kind_find("tests");
 *   for (size_t i = 0; i < kind->count; i++)
 *       puts(kind->members[i].name);
 *
 * Static data; any thread.
 */
#ifndef PHI_FORMS_KINDS_H
#define PHI_FORMS_KINDS_H

#include "codes/sources.h"

#include <stdbool.h>

enum form_type {
    FORM_CODE,    /* one code of `set` */
    FORM_CODES,   /* different codes of `set` */
    FORM_TIME,    /* has come, and not after the record's observedAt */
    FORM_INTEGER, /* min..max */
    FORM_DEGREES, /* body temperature, 34 to 43 °C */
    FORM_FLAG,    /* true or false */
    FORM_REGION,  /* GB/T 2260 */
    FORM_COUNTRY, /* GB/T 2659 */
    FORM_WORD,    /* a public id, such as a place's; at most `max` letters, digits, . _ - */
    FORM_STAYS,   /* at most `max` of {region, from, to} */
    FORM_TEXT,    /* one line of at most `max` characters; personal, only ever sealed */
    FORM_LINES    /* the same of several lines */
};

enum form_flag {
    FORM_REQUIRED = 1,
    FORM_EVENT = 2 /* a FORM_TEXT that numbers what happened: its digest leaves as eventKey */
};

struct form_member {
    const char *name;
    enum form_type type;
    unsigned flags;
    const char *set; /* a value set of docs/value-sets */
    int min;
    int max;
    const char *after; /* a time that this one is not before */
    const char *when;  /* only with this code of the kind's first member, and required with it */
    const char *text;  /* a sentence for the documents */
};

struct form_kind {
    const char *kind;   /* "tests": of the path, and of an app's right */
    const char *stream; /* "source.tests" */
    const char *zh;     /* as B.2 names it */
    const char *en;
    const char *institution; /* who reports it */
    const struct form_member *members;
    size_t count;
};

#define FORM_DEGREES_MIN 34.0
#define FORM_DEGREES_MAX 43.0

const struct form_kind *form_kind_find(const char *kind); /* NULL: no such kind */
const struct form_kind *form_kind_at(size_t i);           /* by letter; NULL past the end */

#endif
