/* Administrative regions (行政区划代码, GB/T 2260), platform ids (制码平台标识) and countries (GB/T
 * 2659).
 *
 *   if (!phi_region_is_valid(phi_view_text("320100"))) …
 *   const char *name = phi_region_name_zh("320000");     // 江苏省
 *
 * Pure functions; any thread.
 */
#ifndef PHI_CODES_REGION_H
#define PHI_CODES_REGION_H

#include "base/bytes.h"

#define PHI_REGION_LEN    6
#define PHI_REGION_NATION "000000" /* the unified platform */

/* Six digits whose first two are one of the 34 province codes; a district without a city is
 * refused. */
bool phi_region_is_valid(struct phi_view six_digits);

/* A region, or the unified platform's 000000. */
bool phi_platform_is_valid(struct phi_view six_digits);

/* True for one of the 34 two-digit codes. */
bool phi_province_is_valid(struct phi_view two_digits);

/* The province's name by the first two digits of a code; static text, NULL when there is none.
 * "000000" gives 全国. */
const char *phi_region_name_zh(const char *code);

/* Three capital letters of GB/T 2659 (the same as ISO 3166-1 alpha-3). */
bool phi_country_is_valid(struct phi_view three_letters);

#endif
