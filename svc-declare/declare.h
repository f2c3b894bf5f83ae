/* What svc-declare's routes share: keys and tables. */
#ifndef SVC_DECLARE_DECLARE_H
#define SVC_DECLARE_DECLARE_H

#include "service/api.h"
#include "svc-declare/fact.h"
#include "svc-declare/people/control.h"

struct watch;
struct letters;

struct declare {
    struct letters *letters;
    struct watch *watch;
    struct fact_keys keys;
    struct phi_sm2_private *places_key; /* signs the reference topics */
    char places_serial[PHI_KEY_SERIAL_LEN + 1];
    struct phi_sm2_private *retraction_key; /* certified as one of the province's for decisions */
    char retraction_serial[PHI_KEY_SERIAL_LEN + 1];
    struct phi_arena *control_arena;
    struct control control; /* where and when people are to declare again */
    struct phi_counter *health;
    struct phi_counter *trips;
    struct phi_counter *lines[3]; /* by enum intake_result */
};

enum declare_table {
    TABLE_DECLARATIONS = PHI_API_OWN,
    TABLE_BASIC,
    TABLE_CONSENTS,
    TABLE_WITHDRAWALS,
    TABLE_ERASURES,
    TABLE_LINK_CHANGES,
    TABLE_LINKS,
    TABLE_LINK_PROPOSALS,
    TABLE_LINK_CONFIRMATIONS,
    TABLE_LOOKS
};

#define CONSENT_ID_LEN 16
#define PURPOSE_CODE   "health-code" /* the one purpose that is consented to so far */
#define BASIC_SEALED   "basic.sealed"

enum phi_err declare_consent(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_withdraw(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_consents(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_basic(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_export(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_erase(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_link(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_unlink(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_propose(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_confirm(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_health(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_trips(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_due(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_source(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_report(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_retraction_propose(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_retraction_approve(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_retraction_refuse(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_retraction_show(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_places(struct phi_api_call *call, struct phi_error *error);

/* The kind of the path; PHI_ERR_NOT_FOUND. */
struct form_kind;
enum phi_err declare_kind(struct phi_api_call *call, const struct form_kind **out,
                          struct phi_error *error) PHI_MUST_USE;

/* The institution that a caller with the right `right` among its sources speaks for, a word.
 * PHI_ERR_FORBIDDEN. */
enum phi_err declare_institution(struct phi_api_call *call, const char *right, const char **out,
                                 struct phi_error *error) PHI_MUST_USE;

/* people/due.c: reads PHI_CONTROL_FILE into the state. PHI_ERR_CONFIG, PHI_ERR_MEMORY. */
enum phi_err declare_control_open(struct phi_service *service,
                                  struct phi_error *error) PHI_MUST_USE;

struct declare *declare_of(struct phi_api_call *call);

#endif
