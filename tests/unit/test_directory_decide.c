/* What a judgement does to an entry: version, since when, what history gets, or nothing at all. */
#include "case.h"

#include "svc-directory/grading/decide.h"

#include <string.h>

#define NOW   1795233600000000LL
#define DAY   (86400 * 1000000LL)
#define NEVER PHI_ENTRY_NEVER_US
#define MASK  0x1000u

#define LEN   2
#define NONE  "\0\0"
#define ONE   "\0\1"
#define OTHER "\0\2"

#define RED    PHI_GRADE_RED
#define YELLOW PHI_GRADE_YELLOW
#define GREEN  PHI_GRADE_GREEN
#define GREY   PHI_GRADE_GREY

struct said {
    enum phi_grade grade;
    enum phi_grade then;
    int64_t until_us;
    const char *reasons; /* codes of two bytes, or none */
    uint32_t mask;
};

static struct judgement judgement_of(const struct said *said)
{
    size_t len = memcmp(said->reasons, NONE, LEN) == 0 ? 0 : LEN;
    return (struct judgement){.grade = said->grade,
                              .then = said->then,
                              .until_us = said->until_us,
                              .reasons = phi_view_of(said->reasons, len),
                              .sources_mask = said->mask};
}

static void cases_of_decide(void **state)
{
    (void)state;
    static const struct said red = {RED, RED, NEVER, ONE, MASK};
    static const struct said green_for_a_day = {GREEN, GREY, NOW + DAY, ONE, MASK};
    static const struct {
        const char *name;
        struct said old;
        int64_t version;
        int64_t from_us;
        const struct said *says;
        bool is_changed;
        bool is_period;
        bool is_lapsed;
        int64_t new_version;
        int64_t new_from_us;
    } cases[] = {
        {"the first entry", {GREY, GREY, 0, NONE, 0}, 0, 0, &red, true, true, false, NOW, NOW},
        {"nothing new",
         {RED, RED, NEVER, ONE, MASK},
         NOW - 9,
         NOW - 99,
         &red,
         false,
         false,
         false,
         NOW,
         NOW - 99},
        {"another reason, since as before",
         {RED, RED, NEVER, OTHER, MASK},
         NOW - 9,
         NOW - 99,
         &red,
         true,
         true,
         false,
         NOW,
         NOW - 99},
        {"other sources",
         {RED, RED, NEVER, ONE, 1},
         NOW - 9,
         NOW - 99,
         &red,
         true,
         false,
         false,
         NOW,
         NOW - 99},
        {"another grade",
         {GREEN, GREEN, NEVER, OTHER, MASK},
         NOW - 9,
         NOW - 99,
         &red,
         true,
         true,
         false,
         NOW,
         NOW},
        {"a clock that went back",
         {GREEN, GREEN, NEVER, OTHER, MASK},
         NOW + 500,
         NOW + 500,
         &red,
         true,
         true,
         false,
         NOW + 501,
         NOW},
        {"twice in a microsecond",
         {GREEN, GREEN, NEVER, OTHER, MASK},
         NOW,
         NOW,
         &red,
         true,
         true,
         false,
         NOW + 1,
         NOW},
        {"a later end only",
         {GREEN, GREY, NOW + 9, ONE, MASK},
         NOW - 9,
         NOW - 99,
         &green_for_a_day,
         true,
         false,
         false,
         NOW,
         NOW - 99},
        {"another end's grade",
         {GREEN, RED, NOW + DAY, ONE, MASK},
         NOW - 9,
         NOW - 99,
         &green_for_a_day,
         true,
         false,
         false,
         NOW,
         NOW - 99},
        {"the clock made it so, known later",
         {YELLOW, RED, NOW - 50, OTHER, MASK},
         NOW - DAY,
         NOW - DAY,
         &red,
         true,
         true,
         false,
         NOW,
         NOW - 49},
        {"the last moment of the old grade",
         {YELLOW, RED, NOW, OTHER, MASK},
         NOW - DAY,
         NOW - DAY,
         &red,
         true,
         true,
         false,
         NOW,
         NOW},
        {"lapsed to another grade than the new one",
         {YELLOW, GREEN, NOW - 50, OTHER, MASK},
         NOW - DAY,
         NOW - DAY,
         &red,
         true,
         true,
         true,
         NOW,
         NOW},
        {"lapsed and back to what it was",
         {RED, GREEN, NOW - 50, ONE, MASK},
         NOW - DAY,
         NOW - DAY,
         &red,
         true,
         true,
         true,
         NOW,
         NOW},
        {"past an end that changed nothing",
         {RED, RED, NOW - 50, ONE, MASK},
         NOW - DAY,
         NOW - DAY,
         &red,
         true,
         false,
         false,
         NOW,
         NOW - DAY},
        {"lapsed in the version's own microsecond",
         {YELLOW, GREEN, NOW - 50, OTHER, MASK},
         NOW,
         NOW - DAY,
         &red,
         true,
         true,
         true,
         NOW + 2,
         NOW},
    };
    for (size_t i = 0; i < PHI_COUNT(cases); i++) {
        const struct decide_state old = {judgement_of(&cases[i].old), cases[i].version,
                                         cases[i].from_us};
        const struct judgement says = judgement_of(cases[i].says);
        struct entry_decision made;
        decide(&old, &says, NOW, &made);
        phi_check(cases[i].name, made.is_changed == cases[i].is_changed);
        phi_check(cases[i].name, made.is_period == cases[i].is_period);
        phi_check(cases[i].name, made.is_lapsed == cases[i].is_lapsed);
        phi_check(cases[i].name, made.new.version == cases[i].new_version);
        phi_check(cases[i].name, made.new.from_us == cases[i].new_from_us);
        phi_check(cases[i].name,
                  made.new.is.grade == says.grade &&made.new.is.until_us == says.until_us);
    }
}

/* A removal and what ends it are versions of the entry, though the grade stays. */
static void a_removal_is_a_version(void **state)
{
    static const struct said grey = {GREY, GREY, NEVER, NONE, 0};
    struct decide_state old = {judgement_of(&grey), NOW - DAY, NOW - DAY};
    struct judgement says = judgement_of(&grey);
    struct entry_decision made;
    (void)state;
    for (int withdrawn = 1; withdrawn >= 0; withdrawn--) {
        says.is_withdrawn = withdrawn == 1;
        decide(&old, &says, NOW, &made);
        assert_true(made.is_changed);
        assert_false(made.is_period);
        assert_true(made.new.version > old.version);
        assert_int_equal(made.new.is.is_withdrawn, withdrawn == 1);
        old = made.new;
        decide(&old, &says, NOW, &made);
        assert_false(made.is_changed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cases_of_decide),
                                       cmocka_unit_test(a_removal_is_a_version)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
