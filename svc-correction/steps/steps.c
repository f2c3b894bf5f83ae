#include "svc-correction/steps/steps.h"

#include <stddef.h>

#define MINUTE_US (60 * 1000000LL)

static const struct step_row rows[] = {
    {STATE_RECEIVED, ACT_FILE_AGAIN, ACTOR_CITIZEN, STATE_RECEIVED},
    {STATE_RECEIVED, ACT_ASSIGN, ACTOR_SUITE, STATE_ASSIGNED},
    {STATE_RECEIVED, ACT_BATCH, ACTOR_SUITE, STATE_DECIDED},
    {STATE_RECEIVED, ACT_WITHDRAW, ACTOR_CITIZEN, STATE_WITHDRAWN},
    {STATE_RECEIVED, ACT_ESCALATE, ACTOR_SUITE, STATE_RECEIVED},

    {STATE_ASSIGNED, ACT_FILE_AGAIN, ACTOR_CITIZEN, STATE_ASSIGNED},
    {STATE_ASSIGNED, ACT_ASK, ACTOR_OFFICER, STATE_EVIDENCE_ASKED},
    {STATE_ASSIGNED, ACT_PROPOSE, ACTOR_OFFICER, STATE_PROPOSED},
    {STATE_ASSIGNED, ACT_ATTACH, ACTOR_CITIZEN, STATE_ASSIGNED},
    {STATE_ASSIGNED, ACT_RELIEF_PROPOSE, ACTOR_OFFICER, STATE_ASSIGNED},
    {STATE_ASSIGNED, ACT_RELIEF_GRANT, ACTOR_SECOND, STATE_ASSIGNED},
    {STATE_ASSIGNED, ACT_BATCH, ACTOR_SUITE, STATE_DECIDED},
    {STATE_ASSIGNED, ACT_WITHDRAW, ACTOR_CITIZEN, STATE_WITHDRAWN},
    {STATE_ASSIGNED, ACT_ESCALATE, ACTOR_SUITE, STATE_ASSIGNED},

    {STATE_EVIDENCE_ASKED, ACT_FILE_AGAIN, ACTOR_CITIZEN, STATE_ASSIGNED},
    {STATE_EVIDENCE_ASKED, ACT_GIVE, ACTOR_CITIZEN, STATE_ASSIGNED},
    {STATE_EVIDENCE_ASKED, ACT_PROPOSE, ACTOR_OFFICER, STATE_PROPOSED},
    {STATE_EVIDENCE_ASKED, ACT_ATTACH, ACTOR_CITIZEN, STATE_EVIDENCE_ASKED},
    {STATE_EVIDENCE_ASKED, ACT_RELIEF_PROPOSE, ACTOR_OFFICER, STATE_EVIDENCE_ASKED},
    {STATE_EVIDENCE_ASKED, ACT_RELIEF_GRANT, ACTOR_SECOND, STATE_EVIDENCE_ASKED},
    {STATE_EVIDENCE_ASKED, ACT_BATCH, ACTOR_SUITE, STATE_DECIDED},
    {STATE_EVIDENCE_ASKED, ACT_WITHDRAW, ACTOR_CITIZEN, STATE_WITHDRAWN},
    {STATE_EVIDENCE_ASKED, ACT_WAITED, ACTOR_SUITE, STATE_ASSIGNED},

    {STATE_PROPOSED, ACT_FILE_AGAIN, ACTOR_CITIZEN, STATE_PROPOSED},
    {STATE_PROPOSED, ACT_RETURN, ACTOR_SECOND, STATE_ASSIGNED},
    {STATE_PROPOSED, ACT_DECIDE, ACTOR_SECOND, STATE_DECIDED},
    {STATE_PROPOSED, ACT_ADVISE, ACTOR_SECOND, STATE_TOLD},
    {STATE_PROPOSED, ACT_REFUSE, ACTOR_SECOND, STATE_REFUSED},
    {STATE_PROPOSED, ACT_ATTACH, ACTOR_CITIZEN, STATE_PROPOSED},
    {STATE_PROPOSED, ACT_RELIEF_PROPOSE, ACTOR_OFFICER, STATE_PROPOSED},
    {STATE_PROPOSED, ACT_RELIEF_GRANT, ACTOR_SECOND, STATE_PROPOSED},
    {STATE_PROPOSED, ACT_BATCH, ACTOR_SUITE, STATE_DECIDED},
    {STATE_PROPOSED, ACT_WITHDRAW, ACTOR_CITIZEN, STATE_WITHDRAWN},
    {STATE_PROPOSED, ACT_ESCALATE, ACTOR_SUITE, STATE_PROPOSED},

    {STATE_DECIDED, ACT_APPLY, ACTOR_SUITE, STATE_APPLIED},
    {STATE_DECIDED, ACT_REOPEN, ACTOR_SUITE, STATE_ASSIGNED},
    {STATE_DECIDED, ACT_ESCALATE, ACTOR_SUITE, STATE_DECIDED},
    {STATE_APPLIED, ACT_TELL, ACTOR_SUITE, STATE_TOLD},
    {STATE_APPLIED, ACT_REOPEN, ACTOR_SUITE, STATE_ASSIGNED},
    {STATE_APPLIED, ACT_ESCALATE, ACTOR_SUITE, STATE_APPLIED},

    {STATE_TOLD, ACT_REOPEN, ACTOR_SUITE, STATE_ASSIGNED},
    {STATE_REFUSED, ACT_APPEAL, ACTOR_CITIZEN, STATE_APPEALED},
    {STATE_APPEALED, ACT_FILE_AGAIN, ACTOR_CITIZEN, STATE_APPEALED},
    {STATE_APPEALED, ACT_REOPEN, ACTOR_PLATFORM, STATE_ASSIGNED},
    {STATE_APPEALED, ACT_UPHOLD, ACTOR_PLATFORM, STATE_CLOSED},
    {STATE_APPEALED, ACT_OVERTURN, ACTOR_PLATFORM, STATE_DECIDED},
    {STATE_APPEALED, ACT_ESCALATE, ACTOR_SUITE, STATE_APPEALED},
};

static const struct {
    const char *name;
    const char *zh;
    int days;
    int minutes;
} states[] = {
#define X(state, name, zh, days, minutes) {name, zh, days, minutes},
    STEP_STATES(X)
#undef X
};

static const char *const acts[] = {
#define X(act, name) name,
    STEP_ACTS(X)
#undef X
};

const struct step_row *step_find(enum step_state from, enum step_act act)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].from == from && rows[i].act == act)
            return &rows[i];
    return NULL;
}

const char *step_state_name(enum step_state state)
{
    return states[state].name;
}

const char *step_state_zh(enum step_state state)
{
    return states[state].zh;
}

const char *step_act_name(enum step_act act)
{
    return acts[act];
}

bool step_state_of(struct phi_view name, enum step_state *out)
{
    for (int i = 0; i < STATE_COUNT; i++)
        if (phi_view_equal(name, phi_view_text(states[i].name))) {
            *out = (enum step_state)i;
            return true;
        }
    return false;
}

bool step_is_over(enum step_state state)
{
    return states[state].days == 0 && states[state].minutes == 0;
}

int64_t step_due(enum step_state state, const struct calendar *calendar, int64_t from_us)
{
    if (step_is_over(state))
        return INT64_MAX;
    if (states[state].days > 0)
        return calendar_due(calendar, from_us, states[state].days);
    return from_us + states[state].minutes * MINUTE_US;
}
