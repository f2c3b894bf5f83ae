/* Grading on a real PostgreSQL: facts and decisions in any order, records that move, reopened
 * cases, linked documents, history, and what the clock alone changes. */
#include "directory_kit.h"

#define RED    PHI_GRADE_RED
#define REVIEW PHI_GRADE_REVIEW
#define GREEN  PHI_GRADE_GREEN
#define GREY   PHI_GRADE_GREY

#define POSITIVE "{\"result\":\"positive\"}"
#define NEGATIVE "{\"result\":\"negative\"}"
#define EVENT    "00112233445566778899aabbccddeeff"

static const char rules[] =
    "{\"region\":\"320000\",\"version\":1,\"rules\":["
    "{\"id\":\"POSITIVE\",\"version\":1,\"description\":{\"zh\":\"阳性\",\"en\":\"positive\"},"
    "\"logic\":{\"reduce\":[{\"var\":\"facts\"},{\"if\":[{\"var\":\"accumulator\"},true,"
    "{\"===\":[{\"var\":\"current.content.result\"},\"positive\"]}]},false]},"
    "\"grade\":\"red\",\"reason\":\"positive\",\"validFrom\":\"2020-01-01T00:00:00+08:00\"},"
    "{\"id\":\"BASE\",\"version\":1,\"description\":{\"zh\":\"有\",\"en\":\"some\"},"
    "\"logic\":{\"!\":[{\"!\":[{\"var\":\"facts\"}]}]},"
    "\"grade\":\"green\",\"reason\":\"nothing-found\",\"validFrom\":\"2020-01-01T00:00:00+08:00\"}"
    "]}";

static const char place_rules[] =
    "{\"region\":\"320000\",\"version\":1,\"rules\":["
    "{\"id\":\"PLACE\",\"version\":1,\"description\":{\"zh\":\"高风险\",\"en\":\"high\"},"
    "\"logic\":{\"reduce\":[{\"var\":\"facts\"},{\"if\":[{\"var\":\"accumulator\"},true,"
    "{\"===\":[{\"var\":\"current.content.placeRisk\"},\"high\"]}]},false]},"
    "\"grade\":\"red\",\"reason\":\"place\",\"validFrom\":\"2020-01-01T00:00:00+08:00\"},"
    "{\"id\":\"BASE\",\"version\":1,\"description\":{\"zh\":\"有\",\"en\":\"some\"},"
    "\"logic\":{\"!\":[{\"!\":[{\"var\":\"facts\"}]}]},"
    "\"grade\":\"green\",\"reason\":\"nothing-found\",\"validFrom\":\"2020-01-01T00:00:00+08:00\"}"
    "]}";

static int open_kit(void **state)
{
    static unsigned number;
    static struct kit kit;
    char schema[32];
    snprintf(schema, sizeof(schema), "grading_%u", ++number);
    kit_open(&kit, schema, rules);
    *state = &kit;
    return 0;
}

static int close_kit(void **state)
{
    kit_close(*state);
    return 0;
}

/* Every order of one set of facts and decisions gives the same grade. */
static void any_order(void **state)
{
    struct kit *kit = *state;
    enum step { FIRST = 1, AMENDED, RETRACTED, STANDS };
    static const struct {
        const char *name;
        enum step steps[4];
        enum phi_grade grade;
    } cases[] = {
        {"a fact", {FIRST}, RED},
        {"an amendment", {FIRST, AMENDED}, GREEN},
        {"an amendment first", {AMENDED, FIRST}, GREEN},
        {"a retraction", {FIRST, RETRACTED}, GREY},
        {"a retraction first", {RETRACTED, FIRST}, GREY},
        {"a retraction means all revisions", {RETRACTED, AMENDED, FIRST}, GREY},
        {"the higher decision stands", {FIRST, RETRACTED, STANDS}, RED},
        {"the higher decision came first", {STANDS, RETRACTED, FIRST}, RED},
        {"all four, backwards", {STANDS, RETRACTED, AMENDED, FIRST}, GREEN},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned who = 1 + i;
        for (unsigned s = 0; s < 4 && cases[i].steps[s] != 0; s++) {
            enum step step = cases[i].steps[s];
            bool is_fact = step == FIRST || step == AMENDED;
            if (is_fact)
                kit_fact(kit, &(struct kit_fact){.subject = who,
                                                 .record = who,
                                                 .revision = step == FIRST ? 1 : 2,
                                                 .content = step == FIRST ? POSITIVE : NEGATIVE,
                                                 .observed_us = KIT_NOW - KIT_DAY});
            else
                kit_decide(kit, who, who, step == RETRACTED ? 5 : 6, step == RETRACTED, KIT_NOW);
            kit_grade(kit, who);
        }
        if (kit_grade_of(kit, who) != (int64_t)cases[i].grade)
            fail_msg("%s: grade %d", cases[i].name, (int)kit_grade_of(kit, who));
    }
}

/* Who names somebody else's record in a case of their own retracts nothing. */
static void only_ones_own(void **state)
{
    struct kit *kit = *state;
    kit_fact(kit,
             &(struct kit_fact){
                 .subject = 1, .record = 7, .content = POSITIVE, .observed_us = KIT_NOW - KIT_DAY});
    kit_decide(kit, 2, 7, 5, true, KIT_NOW);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), RED);
    /* an earlier revision was about the second person: the case is theirs after all */
    kit_fact(kit, &(struct kit_fact){.subject = 1,
                                     .record = 8,
                                     .revision = 2,
                                     .content = POSITIVE,
                                     .observed_us = KIT_NOW - KIT_DAY});
    kit_decide(kit, 2, 8, 5, true, KIT_NOW);
    kit_decide(kit, 1, 7, 6, true, KIT_NOW);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), RED);
    kit_fact(kit, &(struct kit_fact){.subject = 2,
                                     .record = 8,
                                     .revision = 1,
                                     .content = POSITIVE,
                                     .observed_us = KIT_NOW - KIT_DAY});
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), GREY);
}

static void a_record_that_moved(void **state)
{
    struct kit *kit = *state;
    kit_fact(kit,
             &(struct kit_fact){
                 .subject = 1, .record = 9, .content = POSITIVE, .observed_us = KIT_NOW - KIT_DAY});
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), RED);
    kit_fact(kit, &(struct kit_fact){.subject = 2,
                                     .record = 9,
                                     .revision = 2,
                                     .content = POSITIVE,
                                     .observed_us = KIT_NOW - KIT_DAY});
    kit_grade(kit, 2);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 2), RED);
    assert_int_equal(kit_grade_of(kit, 1), GREY);
    /* nothing stands about the first one any more */
    assert_int_equal(kit_entry(kit, 1, "is_withdrawn::int::bigint"), 1);
    assert_int_equal(kit_entry(kit, 2, "is_withdrawn::int::bigint"), 0);
    /* a mark with the record makes the other holder due, once */
    kit_sql(kit, "DELETE FROM history; DELETE FROM entries WHERE grade = 0;"
                 "INSERT INTO entries SELECT 1, 1, 0, 9223372036854775807, 0, 0, 3, 1, 4, 4, "
                 "subject, '' FROM facts WHERE revision = 1;"
                 "INSERT INTO due SELECT 3, 0, subject, record FROM facts WHERE revision = 2");
    assert_int_equal(kit_due(kit, 10), 1);
    assert_int_equal(kit_due(kit, 10), 1);
    assert_int_equal(kit_due(kit, 10), 0);
    assert_int_equal(kit_grade_of(kit, 1), GREY);
}

static void a_reopened_case(void **state)
{
    struct kit *kit = *state;
    struct kit_fact fact = {.subject = 1,
                            .record = 11,
                            .content = NEGATIVE,
                            .event = EVENT,
                            .observed_us = KIT_NOW - KIT_DAY};
    kit_fact(kit, &fact);
    kit_decide(kit, 1, 11, 5, true, KIT_NOW - 100);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), GREY);
    /* another laboratory's word on the same specimen, recorded before the decision: nothing new */
    fact.record = 12;
    fact.recorded_us = KIT_NOW - 101;
    kit_fact(kit, &fact);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), GREEN);
    fact.record = 13;
    fact.recorded_us = KIT_NOW - 99;
    kit_fact(kit, &fact);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), REVIEW);
    /* another event is another matter */
    fact = (struct kit_fact){.subject = 2,
                             .record = 14,
                             .content = NEGATIVE,
                             .event = EVENT,
                             .observed_us = KIT_NOW - KIT_DAY};
    kit_fact(kit, &fact);
    kit_grade(kit, 2);
    assert_int_equal(kit_grade_of(kit, 2), GREEN);
    /* it is under review no longer than both records are seen; green until the younger one goes */
    fact = (struct kit_fact){.subject = 3,
                             .record = 15,
                             .content = NEGATIVE,
                             .event = EVENT,
                             .observed_us = KIT_NOW - 2 * KIT_DAY};
    kit_fact(kit, &fact);
    kit_decide(kit, 3, 15, 5, true, KIT_NOW - 100);
    fact.record = 16;
    fact.observed_us = KIT_NOW - KIT_DAY;
    fact.recorded_us = KIT_NOW - 99;
    kit_fact(kit, &fact);
    kit_grade(kit, 3);
    assert_int_equal(kit_grade_of(kit, 3), REVIEW);
    assert_int_equal(kit_entry(kit, 3, "until_us"), KIT_NOW + 28 * KIT_DAY);
    assert_int_equal(kit_entry(kit, 3, "then_grade"), GREEN);
    /* a red that other facts give stays red */
    kit_fact(kit, &(struct kit_fact){.subject = 1, .content = POSITIVE, .observed_us = KIT_NOW});
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), RED);
}

/* What a decision makes of a record hangs on that record, and on the decision being its last. */
static void records_that_cases_make(void **state)
{
    struct kit *kit = *state;
    kit_fact(kit, &(struct kit_fact){.subject = 1,
                                     .record = 31,
                                     .content = NEGATIVE,
                                     .event = EVENT,
                                     .observed_us = KIT_NOW,
                                     .recorded_us = KIT_NOW + 1});
    kit_sql(kit, "UPDATE facts SET of_version = 5, of_record = set_byte(record, 8, 30)");
    kit_decide(kit, 1, 30, 5, true, KIT_NOW);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), GREY); /* the record that it amends has not come */
    kit_fact(kit, &(struct kit_fact){.subject = 1,
                                     .record = 30,
                                     .content = POSITIVE,
                                     .event = EVENT,
                                     .observed_us = KIT_NOW});
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), GREEN); /* and doesn't open the case again */
    kit_decide(kit, 1, 30, 6, false, KIT_NOW);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), RED); /* it stands after all: what was made of it goes */
    kit_decide(kit, 2, 30, 7, true, KIT_NOW);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), RED); /* the case of somebody else */
}

static void relieve(struct kit *kit, unsigned subject, unsigned record, int64_t version,
                    int64_t until_us)
{
    char sql[400];
    snprintf(sql, sizeof(sql),
             "INSERT INTO reliefs SELECT record, subject, 'case', %lld, %lld, %lld FROM facts "
             "WHERE record = set_byte(decode('02' || repeat('00', 15), 'hex'), 8, %u) AND "
             "get_byte(subject, 15) = %u",
             (long long)version, (long long)until_us, (long long)kit->now_us, record, subject);
    kit_sql(kit, sql);
}

static void interim_relief(void **state)
{
    struct kit *kit = *state;
    int64_t end_us = KIT_NOW + 3600 * KIT_SECOND;
    kit_fact(kit, &(struct kit_fact){
                      .subject = 1, .record = 41, .content = POSITIVE, .observed_us = KIT_NOW});
    relieve(kit, 1, 41, 5, end_us);
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), REVIEW);
    assert_int_equal(kit_entry(kit, 1, "until_us"), end_us - 1);
    assert_int_equal(kit_entry(kit, 1, "then_grade"), RED);
    kit->now_us = end_us - 1;
    assert_int_equal(kit_due(kit, 10), 0);
    kit->now_us = end_us;
    assert_int_equal(kit_due(kit, 10), 1);
    assert_int_equal(kit_grade_of(kit, 1), RED); /* by the clock alone */
    kit->now_us = KIT_NOW;
    /* what other records give is not touched */
    kit_fact(kit, &(struct kit_fact){
                      .subject = 2, .record = 42, .content = POSITIVE, .observed_us = KIT_NOW});
    kit_fact(kit, &(struct kit_fact){.subject = 2, .content = POSITIVE, .observed_us = KIT_NOW});
    relieve(kit, 2, 42, 5, end_us);
    kit_grade(kit, 2);
    assert_int_equal(kit_grade_of(kit, 2), RED);
    /* the end that a case brings has the higher version, whichever comes first */
    kit_fact(kit, &(struct kit_fact){
                      .subject = 3, .record = 43, .content = POSITIVE, .observed_us = KIT_NOW});
    relieve(kit, 3, 43, 6, 0);
    relieve(kit, 3, 43, 5, end_us);
    kit_grade(kit, 3);
    assert_int_equal(kit_grade_of(kit, 3), RED);
    /* what was retracted meanwhile doesn't come back with its end */
    kit_fact(kit, &(struct kit_fact){
                      .subject = 4, .record = 44, .content = POSITIVE, .observed_us = KIT_NOW});
    relieve(kit, 4, 44, 5, end_us);
    kit_decide(kit, 4, 44, 6, true, KIT_NOW);
    kit_grade(kit, 4);
    assert_int_equal(kit_grade_of(kit, 4), GREY);
}

static void link_two(struct kit *kit, unsigned one, unsigned other, unsigned revision,
                     bool is_linked)
{
    char sql[400];
    snprintf(sql, sizeof(sql),
             "INSERT INTO links SELECT %u, %s, decode(lpad('%04x', 32, '0'), 'hex'), "
             "decode(lpad('%04x', 32, '0'), 'hex'), decode(lpad('%x', 32, '0'), 'hex');"
             "UPDATE links SET subject = set_byte(subject, 1, 48), other = set_byte(other, 1, 48)",
             revision, is_linked ? "true" : "false", one, other, 65536 * one + other);
    kit_sql(kit, sql);
}

static void linked_documents(void **state)
{
    struct kit *kit = *state;
    kit_fact(kit, &(struct kit_fact){.subject = 1, .content = NEGATIVE, .observed_us = KIT_NOW});
    kit_fact(kit, &(struct kit_fact){.subject = 3, .content = POSITIVE, .observed_us = KIT_NOW});
    kit_grade(kit, 1);
    assert_int_equal(kit_grade_of(kit, 1), GREEN);
    for (unsigned i = 1; i <= 2; i++) { /* a chain: 1 – 2 – 3 */
        link_two(kit, i, i + 1, 1, true);
        link_two(kit, i + 1, i, 1, true);
    }
    for (unsigned who = 1; who <= 3; who++) {
        kit_grade(kit, who);
        assert_int_equal(kit_grade_of(kit, who), RED);
    }
    link_two(kit, 1, 2, 2, false);
    link_two(kit, 2, 1, 2, false);
    kit_grade(kit, 1);
    kit_grade(kit, 2);
    assert_int_equal(kit_grade_of(kit, 1), GREEN);
    assert_int_equal(kit_grade_of(kit, 2), RED);
}

/* What leaves the window of thirty days is foretold, and history says since when. */
static void the_clock_alone(void **state)
{
    struct kit *kit = *state;
    int64_t end_us = KIT_NOW - 2 * KIT_DAY + FACTS_WINDOW_US + 1;
    kit_fact(kit, &(struct kit_fact){
                      .subject = 1, .content = NEGATIVE, .observed_us = KIT_NOW - 2 * KIT_DAY});
    kit_grade(kit, 1);
    assert_int_equal(kit_entry(kit, 1, "until_us"), end_us - 1);
    assert_int_equal(kit_entry(kit, 1, "then_grade"), GREY);
    kit->now_us = end_us - 1;
    assert_int_equal(kit_due(kit, 10), 0);
    kit->now_us = end_us + 5 * KIT_SECOND;
    assert_int_equal(kit_due(kit, 10), 1);
    assert_int_equal(kit_due(kit, 10), 0);
    assert_int_equal(kit_grade_of(kit, 1), GREY);
    assert_int_equal(kit_entry(kit, 1, "from_us"), end_us);
    assert_int_equal(kit_entry(kit, 1, "until_us"), PHI_ENTRY_NEVER_US);
    assert_int_equal(fixture_number(kit->store, "known",
                                    "SELECT known_us FROM history ORDER BY "
                                    "version DESC LIMIT 1"),
                     kit->now_us);
}

/* A published risk finds who was there, by index, and its withdrawal too. */
static void places_find_people(void **state)
{
    struct kit *kit = *state;
    size_t count = 0;
    uint64_t tally[TALLY_COUNT] = {0};
    kit_rules(kit, place_rules);
    kit_fact(kit, &(struct kit_fact){.subject = 1,
                                     .content = NEGATIVE,
                                     .observed_us = KIT_NOW - KIT_DAY,
                                     .place = "r320102"});
    kit_fact(kit, &(struct kit_fact){.subject = 2,
                                     .content = NEGATIVE,
                                     .observed_us = KIT_NOW - KIT_DAY,
                                     .place = "r330102"});
    kit_grade(kit, 1);
    kit_grade(kit, 2);
    static const struct {
        const char *sql;
        size_t due;
        enum phi_grade grade;
    } steps[] = {
        {"INSERT INTO places VALUES (1, 1795060800000000, 9223372036854775807, 3, 'region/320100', "
         "'r320100', 'r3201', 'r3201~')",
         1, RED},
        {"UPDATE places SET version = 2, risk = 1", 1, GREEN},
        {"UPDATE places SET version = 3, risk = 3", 1, RED},
        {"UPDATE places SET version = 4, to_us = 1795060800000001", 1, GREEN},
        {"UPDATE places SET version = 5, risk = 2", 0, GREEN},
        {"INSERT INTO places VALUES (1, 1795060800000000, 9223372036854775807, 3, 'region/330000', "
         "'r330000', 'r33', 'r33~')",
         1, GREEN},
        {"UPDATE places SET version = 6, risk = 0", 1, GREEN},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        kit_sql(kit, steps[i].sql);
        struct grading grading = kit_begin(kit, tally);
        assert_ok(places_apply(&grading, 10, &count));
        kit_commit(&grading);
        assert_true(count > 0);
        size_t due = kit_due(kit, 10);
        if (due != steps[i].due || kit_grade_of(kit, 1) != (int64_t)steps[i].grade)
            fail_msg("%s: %zu due, grade %d", steps[i].sql, due, (int)kit_grade_of(kit, 1));
    }
    struct grading grading = kit_begin(kit, tally);
    assert_ok(places_apply(&grading, 10, &count));
    assert_int_equal(count, 0);
    kit_commit(&grading);
}

static size_t sweep(struct kit *kit)
{
    uint64_t tally[TALLY_COUNT] = {0};
    size_t count = 0;
    struct grading grading = kit_begin(kit, tally);
    assert_ok(silence_sweep(&grading, 2, &count));
    kit_commit(&grading);
    return count;
}

/* While a needed source is silent nobody is green; the sweep goes on where it was. */
static void silence_is_not_green(void **state)
{
    struct kit *kit = *state;
    for (unsigned who = 1; who <= 3; who++) {
        kit_fact(kit, &(struct kit_fact){.subject = who,
                                         .content = who == 3 ? POSITIVE : NEGATIVE,
                                         .observed_us = KIT_NOW});
        kit_grade(kit, who);
    }
    assert_int_equal(sweep(kit), 0);
    snprintf(kit->directory.silence.names, sizeof(kit->directory.silence.names), "source.tests");
    assert_int_equal(sweep(kit), 2);
    assert_int_equal(sweep(kit), 1);
    assert_int_equal(sweep(kit), 0);
    assert_int_equal(sweep(kit), 0);
    assert_int_equal(kit_grade_of(kit, 1), GREY);
    assert_int_equal(kit_entry(kit, 1, "then_grade"), GREY);
    assert_int_equal(kit_grade_of(kit, 3), RED);
    kit->directory.silence.names[0] = '\0';
    while (sweep(kit) > 0)
        ;
    assert_int_equal(kit_grade_of(kit, 1), GREEN);
    assert_int_equal(kit_grade_of(kit, 3), RED);
}

/* Old facts go with their stays, a few at a time; the entry's reasons stay. */
static void old_facts_go(void **state)
{
    struct kit *kit = *state;
    uint64_t tally[TALLY_COUNT] = {0};
    static const size_t batches[] = {2, 1, 0};
    kit->directory.keep_us = 90 * KIT_DAY;
    for (unsigned who = 1; who <= 3; who++) {
        kit_fact(kit, &(struct kit_fact){.subject = who,
                                         .content = POSITIVE,
                                         .observed_us = KIT_NOW - who,
                                         .place = "r320102"});
        kit_grade(kit, who);
    }
    kit->now_us = KIT_NOW + 90 * KIT_DAY;
    kit_fact(kit, &(struct kit_fact){.subject = 1, .content = NEGATIVE, .observed_us = KIT_NOW});
    kit_sql(kit, "UPDATE facts SET known_us = observed_us");
    for (size_t i = 0; i < 3; i++) {
        size_t count = 0;
        struct grading grading = kit_begin(kit, tally);
        assert_ok(retain_batch(&grading, 2, &count));
        kit_commit(&grading);
        assert_int_equal(count, batches[i]);
    }
    assert_int_equal(fixture_number(kit->store, "facts", "SELECT count(*) FROM facts"), 1);
    assert_int_equal(fixture_number(kit->store, "stays", "SELECT count(*) FROM stays"), 0);
    assert_int_equal(kit_entry(kit, 3, "octet_length(reasons)"), 2);
}

static void reasons_in_two_bytes(void **state)
{
    struct kit *kit = *state;
    static const struct reason list[] = {{"a", "R", 1}, {"a", "R", 2}, {"b", "R", 1}};
    struct reasons *other = NULL;
    uint8_t codes[REASONS_LEN_MAX], again[REASONS_LEN_MAX];
    size_t len = 0, again_len = 0;
    json_t *json = NULL;
    assert_ok(reasons_encode(kit->directory.reasons, list, 3, codes, &len));
    assert_int_equal(len, 6);
    /* another process knows the same codes */
    assert_ok(reasons_new(kit->store, &other));
    assert_ok(reasons_decode(other, phi_view_of(codes, len), &json));
    assert_int_equal(json_array_size(json), 3);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(json, 1), "version")), 2);
    json_decref(json);
    assert_ok(reasons_encode(other, list, 3, again, &again_len));
    assert_memory_equal(codes, again, len);
    assert_int_equal(reasons_decode(other, phi_view_of("\xff\xff", 2), &json), PHI_ERR_DATA_BROKEN);
    assert_int_equal(reasons_decode(other, phi_view_of("\1", 1), &json), PHI_ERR_DATA_BROKEN);
    reasons_free(other);
}

/* At most 180 bytes of row and 120 of index a person, at 100,000 people who came in no order. */
static void room_for_a_person(void **state)
{
    struct kit *kit = *state;
    kit_sql(kit, "INSERT INTO entries SELECT 1795233600000000 + i, 1795233600000000 + i, "
                 "1795233600000000, 1795233600000000 + i % 30 * 86400000000, 1795233600000000, "
                 "4096, i % 8, 1, 1, 0, decode(md5(i::text), 'hex'), decode('000100020003', 'hex') "
                 "FROM generate_series(1, 100000) AS i;"
                 /* as many again changed since, and vacuumed: what stays of that is room too */
                 "UPDATE entries SET until_us = until_us + 86400000000, version = version + 1;");
    kit_sql(kit, "VACUUM FULL entries");
    int64_t row =
        fixture_number(kit->store, "row", "SELECT pg_relation_size('entries') / 100000 + 1");
    int64_t width =
        fixture_number(kit->store, "width", "SELECT max(pg_column_size(e.*)) FROM entries e");
    kit_sql(kit, "TRUNCATE entries;"
                 "INSERT INTO entries SELECT 1795233600000000 + i, 1795233600000000 + i, "
                 "1795233600000000, 1795233600000000 + i % 30 * 86400000000, 1795233600000000, "
                 "4096, i % 8, 1, 1, 0, decode(md5(i::text), 'hex'), decode('000100020003', 'hex') "
                 "FROM generate_series(1, 100000) AS i");
    int64_t index =
        fixture_number(kit->store, "index", "SELECT pg_indexes_size('entries') / 100000 + 1");
    print_message("a person: row %d bytes (%d wide), index %d bytes\n", (int)row, (int)width,
                  (int)index);
    assert_in_range(row, 1, 180);
    assert_in_range(width, 1, 180);
    assert_in_range(index, 1, 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_order, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(only_ones_own, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(a_record_that_moved, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(a_reopened_case, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(records_that_cases_make, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(interim_relief, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(linked_documents, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(the_clock_alone, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(places_find_people, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(silence_is_not_green, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(old_facts_go, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(reasons_in_two_bytes, open_kit, close_kit),
        cmocka_unit_test_setup_teardown(room_for_a_person, open_kit, close_kit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
