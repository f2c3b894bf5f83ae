/* What svc-declare's routes share: keys and tables. */
#ifndef SVC_DECLARE_DECLARE_H
#define SVC_DECLARE_DECLARE_H

#include "service/api.h"
#include "svc-declare/fact.h"

struct declare {
    struct fact_keys keys;
    struct phi_counter *health;
    struct phi_counter *trips;
    struct phi_counter *lines[3]; /* by enum intake_result */
};

enum declare_table { TABLE_DECLARATIONS = PHI_API_OWN, TABLE_BASIC, TABLE_CONSENTS };

#define CONSENT_ID_LEN 16
#define PURPOSE_CODE   "health-code" /* the one purpose that is consented to so far */

enum phi_err declare_consent(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_health(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_trips(struct phi_api_call *call, struct phi_error *error);
enum phi_err declare_source(struct phi_api_call *call, struct phi_error *error);

struct declare *declare_of(struct phi_api_call *call);

#endif
