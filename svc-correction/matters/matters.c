#include "svc-correction/matters/matters.h"

#include "codes/sources.h"

#include <string.h>

#define BIT OUTCOME_BIT

static const struct matter_row rows[MATTER_COUNT] = {
    [MATTER_FACT] = {.name = "fact",
                     .outcomes = BIT(OUTCOME_RETRACT) | BIT(OUTCOME_AMEND) | BIT(OUTCOME_REFUSE)},
    [MATTER_GRADE] = {.name = "grade",
                      .source = "grade",
                      .outcomes = BIT(OUTCOME_RETRACT) | BIT(OUTCOME_AMEND) | BIT(OUTCOME_REFUSE),
                      .names_record = true},
    [MATTER_IDENTITY] = {.name = "identity",
                         .source = "identity",
                         .outcomes = BIT(OUTCOME_REDECLARE) | BIT(OUTCOME_REFUSE)},
    [MATTER_MISSING] = {.name = "missing", .outcomes = BIT(OUTCOME_ADD) | BIT(OUTCOME_REFUSE)},
    [MATTER_BATCH] = {.name = "batch"},
};

const char *const matter_names[MATTER_COUNT] = {"fact", "grade", "identity", "missing", "batch"};

const char *const matter_outcomes[OUTCOME_COUNT] = {
#define X(outcome, word) word,
    MATTER_OUTCOMES(X)
#undef X
};

const char *const matter_items[] = {"name",   "birthDate", "sex",   "nationality",
                                    "region", "address",   "phone", "medicalHistory"};
const size_t matter_items_count = sizeof(matter_items) / sizeof(matter_items[0]);

const struct matter_row *matter_at(enum matter_kind kind)
{
    return &rows[kind];
}

bool matter_of(struct phi_view name, enum matter_kind *out)
{
    for (int i = 0; i < MATTER_COUNT; i++)
        if (phi_view_equal(name, phi_view_text(rows[i].name))) {
            *out = (enum matter_kind)i;
            return true;
        }
    return false;
}

bool matter_source_is_known(const char *stream)
{
    return phi_source_bit(stream) != 0;
}
