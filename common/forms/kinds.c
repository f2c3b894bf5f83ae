#include "forms/kinds.h"

#include <string.h>

#define NUMBER_MAX  64
#define NOTE_MAX    500
#define ADDRESS_MAX 200
#define STAYS_MAX   50
#define EVENT(name, flags, text)                                                                   \
    {                                                                                              \
        name, FORM_TEXT, FORM_EVENT | (flags), NULL, 1, NUMBER_MAX, NULL, NULL, text               \
    }
#define CODE(name, flags, set)                                                                     \
    {                                                                                              \
        name, FORM_CODE, flags, set, 0, 0, NULL, NULL, NULL                                        \
    }
#define CODES(name, flags, set)                                                                    \
    {                                                                                              \
        name, FORM_CODES, flags, set, 0, 0, NULL, NULL, NULL                                       \
    }
#define TIME(name, flags, after, text)                                                             \
    {                                                                                              \
        name, FORM_TIME, flags, NULL, 0, 0, after, NULL, text                                      \
    }
#define REGION(name, flags, text)                                                                  \
    {                                                                                              \
        name, FORM_REGION, flags, NULL, 0, 0, NULL, NULL, text                                     \
    }
#define DEGREES(flags)                                                                             \
    {                                                                                              \
        "temperature", FORM_DEGREES, flags, NULL, 0, 0, NULL, NULL, NULL                           \
    }
#define PLACE(flags)                                                                               \
    {                                                                                              \
        "placeId", FORM_WORD, flags, NULL, 0, NUMBER_MAX, NULL, NULL,                              \
            "the place's id, as published"                                                         \
    }
#define STAYS(text)                                                                                \
    {                                                                                              \
        "stays", FORM_STAYS, 0, NULL, 0, STAYS_MAX, NULL, NULL, text                               \
    }
#define TEXT(name, max)                                                                            \
    {                                                                                              \
        name, FORM_TEXT, 0, NULL, 1, max, NULL, NULL, NULL                                         \
    }
#define LINES(name, max)                                                                           \
    {                                                                                              \
        name, FORM_LINES, 0, NULL, 1, max, NULL, NULL, NULL                                        \
    }
#define OF(array)    array, sizeof(array) / sizeof((array)[0])
#define NOT_REQUIRED 0
#define VACCINATION  "vaccination"

static const struct form_member cases[] = {
    CODE("class", FORM_REQUIRED, "case-class"),
    TIME("diagnosedAt", FORM_REQUIRED, "onsetAt", "when the class was found"),
    TIME("onsetAt", NOT_REQUIRED, NULL, "when symptoms began"),
    REGION("region", FORM_REQUIRED, "where it was reported"),
    CODE("severity", NOT_REQUIRED, "severity"),
    CODE("outcome", NOT_REQUIRED, "outcome"),
    TIME("outcomeAt", NOT_REQUIRED, "diagnosedAt", "since when the outcome holds"),
    EVENT("caseNo", FORM_REQUIRED, "the case's number"),
};

static const struct form_member contacts[] = {
    CODE("distance", FORM_REQUIRED, "distance"),
    TIME("contactAt", FORM_REQUIRED, NULL, "when the contact was"),
    CODE("setting", NOT_REQUIRED, "contact-setting"),
    REGION("region", NOT_REQUIRED, "where the contact was"),
    CODE("isolation", NOT_REQUIRED, "isolation"),
    EVENT("investigationNo", NOT_REQUIRED, "the investigation's number"),
};

static const struct form_member tests[] = {
    CODE("method", FORM_REQUIRED, "test-method"),
    CODE("result", FORM_REQUIRED, "test-result"),
    TIME("sampledAt", FORM_REQUIRED, NULL, "when the specimen was taken"),
    TIME("reportedAt", NOT_REQUIRED, "sampledAt", "when the result was told"),
    CODE("antibody", NOT_REQUIRED, "antibody"),
    {"isPooled", FORM_FLAG, 0, NULL, 0, 0, NULL, NULL, "several people's specimens in one tube"},
    EVENT("specimenNo", FORM_REQUIRED, "the specimen's number"),
};

static const struct form_member fever_clinics[] = {
    CODE("diagnosis", FORM_REQUIRED, "fever-diagnosis"),
    TIME("visitedAt", FORM_REQUIRED, NULL, "when the person came"),
    REGION("region", FORM_REQUIRED, "where the clinic is"),
    DEGREES(FORM_REQUIRED),
    CODES("symptoms", FORM_REQUIRED, "symptom"),
    EVENT("visitNo", FORM_REQUIRED, "the visit's number"),
};

static const struct form_member roaming[] = {
    REGION("region", FORM_REQUIRED, "where the terminal stayed longer than the set time"),
    TIME("from", FORM_REQUIRED, NULL, "when the stay began"),
    TIME("to", FORM_REQUIRED, "from", "when it ended"),
    CODE("riskLevel", NOT_REQUIRED, "risk-level"),
};

static const struct form_member travel[] = {
    CODE("mode", FORM_REQUIRED, "transport"),
    REGION("fromRegion", FORM_REQUIRED, "where it began"),
    REGION("toRegion", FORM_REQUIRED, "where it ended"),
    TIME("departedAt", FORM_REQUIRED, NULL, "when it began"),
    TIME("arrivedAt", FORM_REQUIRED, "departedAt", "when it ended"),
    TEXT("number", 32),
    TEXT("seat", 32),
    EVENT("ticketNo", FORM_REQUIRED, "the ticket's number"),
};

static const struct form_member border[] = {
    CODE("direction", FORM_REQUIRED, "direction"),
    TIME("crossedAt", FORM_REQUIRED, NULL, "when the border was crossed"),
    REGION("portRegion", FORM_REQUIRED, "where the port is"),
    {"country", FORM_COUNTRY, FORM_REQUIRED, NULL, 0, 0, NULL, NULL, "where from, or where to"},
    CODE("mode", NOT_REQUIRED, "transport"),
    TEXT("number", 32),
    EVENT("passageNo", FORM_REQUIRED, "the passage's number"),
};

static const struct form_member customs[] = {
    CODE("disposition", FORM_REQUIRED, "disposition"),
    TIME("inspectedAt", FORM_REQUIRED, NULL, "when the person was inspected"),
    REGION("portRegion", FORM_REQUIRED, "where the port is"),
    DEGREES(FORM_REQUIRED),
    CODES("symptoms", FORM_REQUIRED, "symptom"),
    {"isSampled", FORM_FLAG, FORM_REQUIRED, NULL, 0, 0, NULL, NULL, "a specimen was taken"},
    EVENT("declarationNo", FORM_REQUIRED, "the health declaration's number"),
};

static const struct form_member venues[] = {
    CODE("placeKind", FORM_REQUIRED, "place-kind"),
    PLACE(FORM_REQUIRED),
    REGION("region", FORM_REQUIRED, "where the place is"),
    CODE("role", FORM_REQUIRED, "place-role"),
    TIME("from", FORM_REQUIRED, NULL, "since when the person was there"),
    TIME("to", NOT_REQUIRED, "from", "until when; without it the person is there still"),
};

static const struct form_member health_records[] = {
    CODE("recordType", FORM_REQUIRED, "record-type"),
    TIME("eventAt", FORM_REQUIRED, NULL, "when it happened or was found"),
    {"dose", FORM_INTEGER, 0, NULL, 1, 20, NULL, VACCINATION, "which dose it is"},
    {"vaccine", FORM_CODE, 0, "vaccine", 0, 0, NULL, VACCINATION, NULL},
    {"conditions", FORM_CODES, 0, "condition", 0, 0, NULL, "condition", NULL},
    LINES("note", NOTE_MAX),
    EVENT("documentNo", FORM_REQUIRED, "the document's number"),
};

static const struct form_member surveys[] = {
    CODE("isolation", FORM_REQUIRED, "isolation"),
    TIME("surveyedAt", FORM_REQUIRED, NULL, "when the household was asked"),
    REGION("residenceRegion", FORM_REQUIRED, "where the person lives"),
    CODE("household", NOT_REQUIRED, "household"),
    {"householdSize", FORM_INTEGER, 0, NULL, 1, 99, NULL, NULL, "people of the household"},
    CODES("symptoms", NOT_REQUIRED, "symptom"),
    STAYS("where else the person was"),
    TEXT("address", ADDRESS_MAX),
    LINES("note", NOTE_MAX),
    EVENT("surveyNo", NOT_REQUIRED, "the survey's number"),
};

static const struct form_member checkpoints[] = {
    CODE("direction", FORM_REQUIRED, "direction"),
    TIME("passedAt", FORM_REQUIRED, NULL, "when the person passed"),
    PLACE(FORM_REQUIRED),
    REGION("region", FORM_REQUIRED, "where the checkpoint is"),
    DEGREES(NOT_REQUIRED),
};

static const struct form_member other[] = {
    CODE("measure", FORM_REQUIRED, "measure"),
    TIME("from", NOT_REQUIRED, NULL, "since when"),
    TIME("to", NOT_REQUIRED, "from", "until when"),
    REGION("region", NOT_REQUIRED, "where"),
    CODE("riskLevel", NOT_REQUIRED, "risk-level"),
    LINES("note", NOTE_MAX),
    EVENT("referenceNo", NOT_REQUIRED, "the reporter's number of the matter"),
};

static const struct form_kind kinds[] = {
    {"cases", "source.cases", "确诊、疑似等病情病例数据", "cases, confirmed and suspected",
     "disease control", OF(cases)},
    {"contacts", "source.contacts", "密切接触者数据", "close contacts", "disease control",
     OF(contacts)},
    {"tests", "source.tests", "医学检测数据(核酸、抗体等检测数据)", "laboratory tests",
     "laboratories", OF(tests)},
    {"fever-clinics", "source.fever-clinics", "发热门诊数据", "visits to fever clinics",
     "hospitals", OF(fever_clinics)},
    {"roaming", "source.roaming", "个人移动通信终端停留超过一定时长的漫游地区风险等级信息",
     "stays of mobile terminals, by area", "telecommunication operators", OF(roaming)},
    {"travel", "source.travel", "交通出行信息", "travel by ticket", "transport operators",
     OF(travel)},
    {"border", "source.border", "出入境数据", "border crossings", "immigration administration",
     OF(border)},
    {"customs", "source.customs", "海关检验检疫数据", "customs' health inspection", "customs",
     OF(customs)},
    {"venues", "source.venues", "疫情社区及重点活动场所数据",
     "people of affected communities and venues", "disease control", OF(venues)},
    {"health-records", "source.health-records", "通过全民健康信息平台相关接口调取的健康档案信息",
     "health records", "the population health platform", OF(health_records)},
    {"surveys", "source.surveys", "社区调查形成的家庭、居住、旅行入住等数据", "community surveys",
     "communities", OF(surveys)},
    {"checkpoints", "source.checkpoints", "各核查点上报的测温和场所出入记录数据",
     "temperature and entries at checkpoints", "checkpoints", OF(checkpoints)},
    {"other", "source.other", "其他防疫有关的数据", "other reports", "whoever is registered for it",
     OF(other)},
};

const struct form_kind *form_kind_at(size_t i)
{
    return i < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[i] : NULL;
}

const struct form_kind *form_kind_find(const char *kind)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return &kinds[i];
    return NULL;
}
