#include "svc-directory/grading/judge.h"

#include <string.h>

#define REASONS_MAX (2 * RULES_MAX + 16)
#define PERSON_MAX  (64 * 1024 * 1024) /* a person's facts as the rules see them, and evaluation */

struct reason_list {
    size_t count;
    struct reason items[REASONS_MAX];
};

static void add_reason(struct reason_list *list, const char *reason, const char *rule,
                       int64_t version)
{
    if (list->count < REASONS_MAX)
        list->items[list->count++] = (struct reason){reason, rule, version};
}

static void list_reasons(const struct rules_verdict *verdict, struct reason_list *list)
{
    for (size_t i = 0; i < verdict->count; i++)
        add_reason(list, verdict->fired[i]->reason, verdict->fired[i]->id,
                   verdict->fired[i]->version);
    for (size_t i = 0; i < verdict->error_count; i++)
        add_reason(list, RULES_REASON_ERROR, verdict->erred[i]->id, verdict->erred[i]->version);
}

static bool is_same_event(const struct phi_rows *rows, size_t a, size_t b)
{
    return phi_view_equal(phi_rows_bytes(rows, a, GRADING_EVENT_KEY),
                          phi_rows_bytes(rows, b, GRADING_EVENT_KEY)) &&
           strcmp(phi_rows_text(rows, a, GRADING_SOURCE), phi_rows_text(rows, b, GRADING_SOURCE)) ==
               0;
}

static bool is_retracted_before(const struct phi_rows *rows, size_t row, size_t other)
{
    return !grading_counts(rows, other) && is_same_event(rows, row, other) &&
           phi_rows_i64(rows, other, GRADING_DECIDED) < phi_rows_i64(rows, row, GRADING_RECORDED);
}

static bool is_new_word(const struct phi_rows *rows, size_t row)
{
    return grading_counts(rows, row) && !phi_rows_bool(rows, row, GRADING_MADE) &&
           !phi_rows_is_null(rows, row, GRADING_EVENT_KEY);
}

bool judge_reopened(const struct phi_rows *rows, size_t first, size_t last, size_t *by,
                    size_t *retracted)
{
    for (*by = first; *by < last; ++*by) {
        if (!is_new_word(rows, *by))
            continue;
        for (*retracted = first; *retracted < last; ++*retracted)
            if (is_retracted_before(rows, *by, *retracted))
                return true;
    }
    return false;
}

/* --- after the rules --- */

static int64_t window_end(const struct phi_rows *rows, size_t row)
{
    return phi_rows_i64(rows, row, GRADING_OBSERVED) + FACTS_WINDOW_US + 1;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The first moment without a new record and the retracted one that it tells of in the window. */
static int64_t review_end(const struct judge *judge)
{
    int64_t end_us = 0;
    for (size_t i = judge->first; i < judge->last; i++)
        for (size_t j = judge->first; j < judge->last && is_new_word(judge->rows, i); j++)
            if (is_retracted_before(judge->rows, i, j))
                end_us =
                    later(end_us, earlier(window_end(judge->rows, i), window_end(judge->rows, j)));
    return end_us;
}

/* Grade and reasons of the rules stay until theirs; whichever ends first ends the entry. */
static void add_review(const struct judge *judge, struct rules_outcome *outcome,
                       struct reason_list *list)
{
    enum phi_grade without = outcome->verdict.grade;
    int64_t end_us = review_end(judge);
    if (end_us == 0)
        return;
    outcome->verdict.grade = phi_grade_stricter(without, PHI_GRADE_REVIEW);
    if (end_us < outcome->until_us)
        outcome->then = without;
    if (end_us > outcome->until_us)
        outcome->then = phi_grade_stricter(outcome->then, PHI_GRADE_REVIEW);
    outcome->until_us = earlier(outcome->until_us, end_us);
    add_reason(list, JUDGE_REASON_REOPENED, JUDGE_REASON_REOPENED, 1);
}

/* --- interim relief --- */

/* When the first of the records that are set aside counts again; RULES_NEVER: none is. */
static int64_t relief_end(const struct judge *judge, int64_t now_us)
{
    int64_t end_us = RULES_NEVER;
    for (size_t i = judge->first; i < judge->last; i++)
        if (grading_is_relieved(judge->rows, i, now_us))
            end_us = earlier(end_us, phi_rows_i64(judge->rows, i, GRADING_RELIEF));
    return end_us;
}

/* The rules were asked without the records in dispute; from their end on it is as they say with
 * them. */
static enum phi_err add_relief(const struct judge *judge, struct phi_arena *arena,
                               struct rules_outcome *outcome, struct reason_list *list)
{
    enum phi_err err = PHI_OK;
    struct rules_input *input = NULL;
    struct rules_outcome later;
    int64_t end_us = relief_end(judge, judge->now_us);
    if (end_us == RULES_NEVER)
        return PHI_OK;
    outcome->verdict.grade = phi_grade_stricter(outcome->verdict.grade, PHI_GRADE_REVIEW);
    add_reason(list, JUDGE_REASON_RELIEF, JUDGE_REASON_RELIEF, 1);
    if (end_us > outcome->until_us) {
        outcome->then = phi_grade_stricter(outcome->then, PHI_GRADE_REVIEW);
        return PHI_OK;
    }
    PHI_GUARD(input_of_rows(judge->rows, judge->first, judge->last, end_us, arena, &input));
    rules_outcome(judge->rules, input, end_us, &later);
    outcome->then = later.verdict.grade;
    if (relief_end(judge, end_us) != RULES_NEVER)
        outcome->then = phi_grade_stricter(outcome->then, PHI_GRADE_REVIEW);
    outcome->until_us = end_us;
out:
    return err;
}

static void add_silence(const struct judge *judge, struct rules_outcome *outcome,
                        struct reason_list *list)
{
    if (judge->silent_count == 0)
        return;
    for (size_t i = 0; outcome->verdict.grade == PHI_GRADE_GREEN && i < judge->silent_count; i++)
        add_reason(list, JUDGE_REASON_SILENT, judge->silent[i], 1);
    if (outcome->verdict.grade == PHI_GRADE_GREEN)
        outcome->verdict.grade = PHI_GRADE_GREY;
    if (outcome->then == PHI_GRADE_GREEN)
        outcome->then = PHI_GRADE_GREY;
}

static uint32_t mask_of(const struct judge *judge)
{
    uint32_t mask = 0;
    for (size_t i = judge->first; i < judge->last; i++)
        if (grading_counts(judge->rows, i))
            mask |= input_source_bit(phi_rows_text(judge->rows, i, GRADING_SOURCE));
    return mask;
}

static enum phi_err keep_codes(const struct judge *judge, const struct reason_list *list,
                               struct judgement *out)
{
    enum phi_err err = PHI_OK;
    uint8_t codes[REASONS_LEN_MAX];
    size_t len = 0;
    PHI_GUARD(reasons_encode(judge->reasons, list->items, list->count, codes, &len));
    out->reasons = phi_arena_view(judge->arena, phi_view_of(codes, len));
    PHI_GUARD(out->reasons.len != len ? PHI_ERR_MEMORY : PHI_OK);
out:
    return err;
}

enum phi_err judge_run(const struct judge *judge, struct judgement *out)
{
    enum phi_err err = PHI_OK;
    struct rules_outcome outcome;
    struct rules_input *input = NULL;
    struct reason_list list = {.count = 0};
    struct phi_arena *arena = phi_arena_new(PERSON_MAX);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(input_of_rows(judge->rows, judge->first, judge->last, judge->now_us, arena, &input));
    rules_outcome(judge->rules, input, judge->now_us, &outcome);
    list_reasons(&outcome.verdict, &list);
    PHI_GUARD(add_relief(judge, arena, &outcome, &list));
    add_review(judge, &outcome, &list);
    add_silence(judge, &outcome, &list);
    PHI_GUARD(keep_codes(judge, &list, out));
    out->grade = outcome.verdict.grade;
    out->then = outcome.then;
    out->until_us = outcome.until_us == RULES_NEVER ? PHI_ENTRY_NEVER_US : outcome.until_us - 1;
    out->sources_mask = mask_of(judge);
out:
    phi_arena_free(arena);
    return err;
}

void judge_words(const struct rules *rules, const char *reason, const char *rule, const char **zh,
                 const char **en)
{
    static const struct {
        const char *reason;
        const char *zh;
        const char *en;
    } own[] = {
        {JUDGE_REASON_REOPENED, "更正过的事件有新的记录,审核中",
         "a new record came about an event whose record was retracted; under review"},
        {JUDGE_REASON_RELIEF, "更正办理期间的临时措施:争议记录暂不计入,审核中",
         "interim relief while a case runs: the record in dispute is set aside; under review"},
        {JUDGE_REASON_SILENT, "所需数据来源逾期未报,暂不能判定",
         "a source that is needed has not reported in time; nothing can be said for now"},
        {RULES_REASON_ERROR, "判定规则出错,已略过",
         "a rule could not be evaluated and was passed over"},
    };
    const struct rule *found = rules_find(rules, rule);
    *zh = found == NULL ? "" : found->zh;
    *en = found == NULL ? "" : found->en;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i].reason, reason) == 0) {
            *zh = own[i].zh;
            *en = own[i].en;
        }
}
