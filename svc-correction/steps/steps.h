/* 处理流程 (GB/T 38963 6.8): the states of a case, who may move it from one to the next, and how long
 * each may last, as one table.
 *
 *   const struct step_row *row = step_find(STATE_PROPOSED, ACT_DECIDE);
 *   if (row == NULL) …                                    // not from this state: PHI_ERR_STATE
 *   if (row->who != ACTOR_SECOND) …                       // whose act it is
 *   int64_t due_us = step_due(row->to, calendar, now_us);
 *
 * Pure; any thread.
 */
#ifndef SVC_CORRECTION_STEPS_H
#define SVC_CORRECTION_STEPS_H

#include "svc-correction/steps/calendar.h"

/* X(enumerator, name on topics and in answers, Chinese, working days, minutes): how long the state
 * may last; 0 and 0: it lasts. */
#define STEP_STATES(X)                                                                             \
    X(RECEIVED, "received", "已受理", 0, 30)                                                       \
    X(ASSIGNED, "assigned", "已转数据来源核查", 1, 0)                                              \
    X(EVIDENCE_ASKED, "evidence-asked", "等待补充材料", 3, 0)                                      \
    X(PROPOSED, "proposed", "已提出处理意见，等待复核", 0, 240)                                    \
    X(DECIDED, "decided", "已决定，正在更正", 0, 10)                                               \
    X(APPLIED, "applied", "已更正，正在告知", 0, 60)                                               \
    X(TOLD, "told", "已办结", 0, 0)                                                                \
    X(REFUSED, "refused", "未予更正", 0, 0)                                                        \
    X(APPEALED, "appealed", "申诉至统一平台", 3, 0)                                                \
    X(CLOSED, "closed", "申诉已办结", 0, 0)                                                        \
    X(WITHDRAWN, "withdrawn", "已撤回", 0, 0)

enum step_state {
#define X(state, name, zh, days, minutes) STATE_##state,
    STEP_STATES(X)
#undef X
        STATE_COUNT
};

/* The acts: of the citizen or who acts for them, of the officer who holds the case, of a second one
 * of another unit, of the unified platform's officers, of the suite itself. */
#define STEP_ACTS(X)                                                                               \
    X(FILE_AGAIN, "filed-again")                                                                   \
    X(ASSIGN, "assigned")                                                                          \
    X(ASK, "evidence-asked")                                                                       \
    X(GIVE, "evidence-given")                                                                      \
    X(WAITED, "evidence-overdue")                                                                  \
    X(PROPOSE, "proposed")                                                                         \
    X(RETURN, "returned")                                                                          \
    X(DECIDE, "decided")                                                                           \
    X(ADVISE, "advised")                                                                           \
    X(REFUSE, "refused")                                                                           \
    X(BATCH, "batch-decided")                                                                      \
    X(APPLY, "applied")                                                                            \
    X(TELL, "told")                                                                                \
    X(APPEAL, "appealed")                                                                          \
    X(UPHOLD, "upheld")                                                                            \
    X(OVERTURN, "overturned")                                                                      \
    X(WITHDRAW, "withdrawn")                                                                       \
    X(REOPEN, "reopened")                                                                          \
    X(ATTACH, "attached")                                                                          \
    X(RELIEF_PROPOSE, "relief-proposed")                                                           \
    X(RELIEF_GRANT, "relief-granted")                                                              \
    X(ESCALATE, "escalated")

enum step_act {
#define X(act, name) ACT_##act,
    STEP_ACTS(X)
#undef X
        ACT_COUNT
};

enum step_actor { ACTOR_CITIZEN, ACTOR_OFFICER, ACTOR_SECOND, ACTOR_PLATFORM, ACTOR_SUITE };

struct step_row {
    enum step_state from;
    enum step_act act;
    enum step_actor who;
    enum step_state to;
};

/* NULL: the act is none of this state's. */
const struct step_row *step_find(enum step_state from, enum step_act act);

const char *step_state_name(enum step_state state);
const char *step_state_zh(enum step_state state);
const char *step_act_name(enum step_act act);
/* false: no such state. */
bool step_state_of(struct phi_view name, enum step_state *out);

/* Nobody has to do anything any more; it may be appealed or opened again. */
bool step_is_over(enum step_state state);

/* Until when the case may stay in the state; INT64_MAX where nothing ends it. */
int64_t step_due(enum step_state state, const struct calendar *calendar, int64_t from_us);

#endif
