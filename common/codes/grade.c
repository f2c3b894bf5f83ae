#include "codes/grade.h"

static const struct phi_grade_row rows[PHI_GRADE_COUNT] = {
#define PHI_ROW(symbol, order, code, zh, en, colour, shape)                                        \
    [order] = {PHI_GRADE_##symbol, code, zh, en, colour, shape},
    PHI_GRADE_TABLE(PHI_ROW)
#undef PHI_ROW
};

const struct phi_grade_row *phi_grade_row(enum phi_grade grade)
{
    return &rows[(unsigned)grade < PHI_GRADE_COUNT ? grade : PHI_GRADE_GREY];
}

const char *phi_grade_code(enum phi_grade grade)
{
    return phi_grade_row(grade)->code;
}

enum phi_grade phi_grade_stricter(enum phi_grade a, enum phi_grade b)
{
    return a > b ? a : b;
}

enum phi_err phi_grade_from_code(struct phi_view code, enum phi_grade *out)
{
    for (size_t i = 0; i < PHI_GRADE_COUNT; i++) {
        if (phi_view_equal(code, phi_view_text(rows[i].code))) {
            *out = rows[i].grade;
            return PHI_OK;
        }
    }
    return PHI_ERR_FIELD_VALUE;
}
