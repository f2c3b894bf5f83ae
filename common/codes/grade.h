/* Grades (信息业务等级, GB/T 38961 §5) in words, colour and shape: one table. They are ordered by
 * strictness: red > 审核中 > yellow > green > grey.
 *
 *   enum phi_grade both = phi_grade_stricter(here, nation);
 *   const struct phi_grade_row *row = phi_grade_row(both);    // row->zh, row->colour …
 *
 * Pure; any thread.
 */
#ifndef PHI_CODES_GRADE_H
#define PHI_CODES_GRADE_H

#include "base/bytes.h"

/* ROW(symbol, order, code, Chinese words, English words, colour, shape) */
#define PHI_GRADE_TABLE(ROW)                                                                       \
    ROW(GREY, 0, "grey", "未知", "unknown", "#757575", "square")                                   \
    ROW(GREEN, 1, "green", "未见异常", "nothing found", "#1b8a3a", "circle")                       \
    ROW(YELLOW, 2, "yellow", "中风险", "medium risk", "#f2b600", "triangle")                       \
    ROW(REVIEW, 3, "review", "审核中", "under review", "#1f5fbf", "diamond")                       \
    ROW(RED, 4, "red", "高风险", "high risk", "#c62828", "octagon")

enum phi_grade {
#define PHI_ROW(symbol, order, code, zh, en, colour, shape) PHI_GRADE_##symbol = (order),
    PHI_GRADE_TABLE(PHI_ROW)
#undef PHI_ROW
};

#define PHI_GRADE_COUNT 5

struct phi_grade_row {
    enum phi_grade grade;
    const char *code;
    const char *zh;
    const char *en;
    const char *colour; /* #rrggbb */
    const char *shape;  /* for who can't tell the colours apart */
};

const struct phi_grade_row *
phi_grade_row(enum phi_grade grade); /* never NULL: out of range is grey */
const char *phi_grade_code(enum phi_grade grade);
enum phi_grade phi_grade_stricter(enum phi_grade a, enum phi_grade b);
/* Errors: PHI_ERR_FIELD_VALUE. */
enum phi_err phi_grade_from_code(struct phi_view code, enum phi_grade *out) PHI_MUST_USE;

#endif
