#include "svc-declare/sources/letters.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "bus/consumer.h"
#include "bus/dlq.h"
#include "codes/region.h"
#include "svc-declare/sources/intake.h"
#include "svc-declare/sources/letter.h"
#include "svc-declare/sources/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP          "svc-declare"
#define NATIONAL_GROUP "svc-declare.intake." /* and the region: the bus is all provinces' */
#define BATCH_MAX      16
#define ARENA_MAX      (8 * 1024 * 1024)
#define PATTERN_MAX    128
/* Anything but a region: those letters come on the platform bus, which may be the same broker. */
#define APPS "([0-9]{0,5}|[0-9]{0,5}[^0-9].*|[0-9]{6}.+)$"

struct letters {
    struct phi_service *service;
    struct phi_sm2_private *key;
    struct phi_dlq *dlq;
    struct phi_consumer *consumer;
    struct phi_consumer *national; /* of the platform bus */
    struct phi_counter *taken;
    struct phi_counter *dead;
    char pattern[PATTERN_MAX];
    char national_pattern[PATTERN_MAX];
};

struct reading {
    struct letters *letters;
    const struct phi_msg *msg;
    struct phi_conn *tx;
    struct phi_arena *arena;
    int64_t now_us;
    struct phi_error error;
};

enum phi_err letters_open(struct phi_service *service, struct letters **out,
                          struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct declare *declare = phi_service_state(service);
    struct letters *letters = calloc(1, sizeof(*letters));
    if (letters == NULL)
        return PHI_ERR_MEMORY;
    const struct phi_dlq_options dlq = {.region = phi_service_region(service),
                                        .program = phi_service_program(service),
                                        .seal_key = declare->keys.health,
                                        .producer = phi_service_producer(service)};
    letters->service = service;
    snprintf(letters->pattern, sizeof(letters->pattern), "^phi\\.%s\\.intake\\." APPS,
             phi_service_region(service));
    snprintf(letters->national_pattern, sizeof(letters->national_pattern),
             "^phi\\.%s\\.intake\\." PHI_REGION_NATION "$", phi_service_region(service));
    const char *name = "phi_intake_letters_total", *help = "letters of intake.<app>, by result";
    letters->taken = phi_counter_new(name, help, "result=\"taken\"");
    letters->dead = phi_counter_new(name, help, "result=\"dead\"");
    PHI_GUARD(phi_service_key_sm2(service, "PHI_INTAKE_KEY_FILE", &letters->key, error));
    PHI_GUARD(phi_dlq_open(&dlq, &letters->dlq, error));
    *out = letters;
    letters = NULL;
out:
    letters_close(letters);
    return err;
}

/* "lab-app" of "phi.320000.intake.lab-app" */
static const char *app_id_of(const struct letters *letters, const char *topic)
{
    return topic + strlen("phi..intake.") + strlen(phi_service_region(letters->service));
}

/* --- one letter --- */

static enum phi_err bury(struct reading *r, const struct letter *letter, const char *institution,
                         enum phi_err reason)
{
    enum phi_err err = PHI_OK;
    const char *source = letter->kind == NULL ? "-" : letter->kind->stream;
    phi_counter_add(r->letters->dead, 1);
    if (institution != NULL)
        PHI_GUARD(report_letter(r->tx, source, institution, r->error.text, r->now_us, &r->error));
    PHI_GUARD(phi_dlq_put(r->letters->dlq, r->tx, r->msg, reason));
out:
    return err;
}

static enum phi_err read_lines(struct intake *intake, struct phi_view rest)
{
    enum phi_err err = PHI_OK;
    while (rest.len > 0) {
        const uint8_t *feed = memchr(rest.data, '\n', rest.len);
        size_t len = feed == NULL ? rest.len : (size_t)(feed - rest.data);
        size_t taken = feed == NULL ? len : len + 1;
        if (intake->count == INTAKE_LINES_MAX)
            return PHI_ERR_BODY_TOO_LARGE;
        PHI_GUARD(intake_read(intake, phi_view_of(rest.data, len)));
        rest = phi_view_of(rest.data + taken, rest.len - taken);
    }
    if (intake->count == 0)
        err = PHI_ERR_FIELD_MISSING;
out:
    return err;
}

/* The first wrong line's reason; PHI_OK without one. */
static enum phi_err first_wrong(const struct intake *intake)
{
    for (size_t i = 0; i < intake->count; i++)
        if (intake->lines[i].result == INTAKE_REJECTED)
            return intake->lines[i].error.code;
    return PHI_OK;
}

static enum phi_err take(struct reading *r, const struct letter *letter, const char *institution)
{
    enum phi_err err = PHI_OK;
    const struct intake_from from = {
        .service = r->letters->service, .now_us = r->now_us, .way = "intake"};
    struct intake *intake = intake_new(&from, letter->kind, institution);
    PHI_GUARD(intake == NULL ? PHI_ERR_MEMORY : PHI_OK);
    err = read_lines(intake, letter->lines);
    if (err == PHI_ERR_BODY_TOO_LARGE || err == PHI_ERR_FIELD_MISSING) {
        phi_error_set(&r->error, err, "lines", "none, or more than %d", INTAKE_LINES_MAX);
        PHI_GUARD(bury(r, letter, institution, err));
        goto out;
    }
    PHI_GUARD(err);
    PHI_GUARD(intake_settle(intake, r->tx, &r->error));
    intake_count(intake);
    phi_counter_add(r->letters->taken, 1);
    enum phi_err wrong = first_wrong(intake);
    if (wrong != PHI_OK)
        PHI_GUARD(phi_dlq_put(r->letters->dlq, r->tx, r->msg, wrong));
out:
    intake_free(intake);
    return err;
}

/* Of a caller that is known, whatever the letter: into that institution's report. */
static const char *institution_of(const struct phi_registry_app *app)
{
    if (app == NULL)
        return NULL;
    return app->institution[0] == '\0' ? app->app_id : app->institution;
}

/* What is wrong with it, into the report of who signed; ours goes on as an error. */
static enum phi_err set_aside(struct reading *r, const struct letter *letter,
                              const char *institution, enum phi_err reason)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(reason == PHI_ERR_MEMORY || reason == PHI_ERR_CRYPTO ? reason : PHI_OK);
    /* Only who signed may fill a report: anybody else could push what is told out of it. */
    bool is_signed = reason != PHI_ERR_UNSIGNED && reason != PHI_ERR_HEADER &&
                     reason != PHI_ERR_KEY && reason != PHI_ERR_SIGNATURE;
    PHI_GUARD(bury(r, letter, is_signed ? institution : NULL, reason));
out:
    return err;
}

static enum phi_err read_national(struct reading *r)
{
    enum phi_err err = PHI_OK;
    const struct phi_trust_view *view = NULL;
    struct letter letter = {0};
    PHI_GUARD(phi_trust_hold(phi_service_trust(r->letters->service), r->arena, &view));
    err = letter_open_national(r->msg, phi_trust_platform(view, PHI_REGION_NATION), r->letters->key,
                               r->now_us, r->arena, &letter, &r->error);
    err = err == PHI_OK ? take(r, &letter, letter.institution)
                        : set_aside(r, &letter, letter.institution, err);
out:
    return err;
}

static enum phi_err read_letter(struct reading *r)
{
    enum phi_err err = PHI_OK;
    const struct phi_registry_view *view = NULL;
    struct letter letter = {0};
    PHI_GUARD(phi_registry_hold(phi_service_registry(r->letters->service), r->arena, &view));
    const struct phi_registry_app *app =
        phi_registry_app(view, app_id_of(r->letters, r->msg->topic));
    const char *institution = institution_of(app);
    err = letter_open(r->msg, app, r->letters->key, r->now_us, r->arena, &letter, &r->error);
    if (err == PHI_OK && !phi_text_is_word(phi_view_text(institution), FORM_RECORD_MAX))
        err = phi_error_set(&r->error, PHI_ERR_FORBIDDEN, "institution",
                            "the app's institution is no id");
    if (err == PHI_OK)
        return take(r, &letter, institution);
    PHI_GUARD(set_aside(r, &letter, institution, err));
out:
    return err;
}

static bool is_national(const struct letters *letters, const struct phi_batch *batch)
{
    return strcmp(app_id_of(letters, batch->topic), PHI_REGION_NATION) == 0;
}

/* Who may write is known. */
static bool is_known(const struct letters *letters, bool is_nations)
{
    return is_nations ? phi_trust_is_usable(phi_service_trust(letters->service))
                      : phi_registry_is_usable(phi_service_registry(letters->service));
}

static enum phi_err handle(struct phi_batch *batch, struct phi_conn *tx, void *context)
{
    enum phi_err err = PHI_OK;
    struct letters *letters = context;
    bool is_nations = is_national(letters, batch);
    if (!is_known(letters, is_nations))
        return PHI_ERR_NEIGHBOUR; /* the batch comes again */
    for (size_t i = 0; i < batch->count && err == PHI_OK; i++) {
        struct reading reading = {.letters = letters,
                                  .msg = &batch->msgs[i],
                                  .tx = tx,
                                  .arena = phi_arena_new(ARENA_MAX),
                                  .now_us = phi_clock_now_us(phi_service_clock(letters->service))};
        if (reading.arena == NULL)
            return PHI_ERR_MEMORY;
        err = is_nations ? read_national(&reading) : read_letter(&reading);
        if (err != PHI_OK)
            phi_log(PHI_LOG_WARN, "letter_not_taken", PHI_L_DETAIL(&reading.error));
        phi_arena_free(reading.arena);
    }
    return err;
}

static void committed(const struct phi_batch *batch, void *context)
{
    struct letters *letters = context;
    (void)batch;
    phi_relay_wake(phi_service_relay(letters->service));
}

static enum phi_err follow(struct letters *letters, struct phi_bus_options bus, const char *group,
                           const char *pattern, struct phi_consumer **out, struct phi_error *error)
{
    const char *const topics[] = {pattern};
    const struct phi_consumer_options options = {.bus = bus,
                                                 .group = group,
                                                 .topics = topics,
                                                 .topic_count = 1,
                                                 .store = phi_service_store(letters->service),
                                                 .dlq = letters->dlq,
                                                 .batch_max = BATCH_MAX,
                                                 .handle = handle,
                                                 .committed = committed,
                                                 .context = letters};
    return phi_consumer_open(&options, out, error);
}

enum phi_err letters_start(struct letters *letters, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char group[sizeof(NATIONAL_GROUP) + PHI_REGION_LEN];
    snprintf(group, sizeof(group), NATIONAL_GROUP "%s", phi_service_region(letters->service));
    PHI_GUARD(follow(letters, phi_service_bus(letters->service), GROUP, letters->pattern,
                     &letters->consumer, error));
    PHI_GUARD(follow(letters, phi_service_platform_bus(letters->service), group,
                     letters->national_pattern, &letters->national, error));
out:
    return err;
}

void letters_stop(struct letters *letters, struct phi_deadline until)
{
    if (letters == NULL)
        return;
    bool is_late = phi_consumer_close(letters->consumer, until) != PHI_OK;
    is_late |= phi_consumer_close(letters->national, until) != PHI_OK;
    if (is_late)
        phi_log(PHI_LOG_WARN, "consumer_closed_late", PHI_L_WORD("rest", "comes_again"));
    letters->consumer = NULL;
    letters->national = NULL;
}

void letters_close(struct letters *letters)
{
    if (letters == NULL)
        return;
    phi_dlq_close(letters->dlq);
    phi_sm2_private_free(letters->key);
    free(letters);
}
