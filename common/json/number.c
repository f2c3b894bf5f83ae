#include "json/canonical.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 17

/* value = 0.d1d2…dk × 10^point, the ECMAScript specification's s, k and n. */
struct decimal {
    char digits[DIGITS_MAX + 2];
    int count;
    int point;
};

/* Without a decimal point, so that no locale changes what is read. */
static bool means(const struct decimal *d, double value)
{
    char text[DIGITS_MAX + 16];
    snprintf(text, sizeof(text), "%se%d", d->digits, d->point - d->count);
    return strtod(text, NULL) == value;
}

static struct decimal rounded(double value, int count)
{
    char text[48];
    struct decimal d = {.count = 0};
    snprintf(text, sizeof(text), "%.*e", count - 1, value);
    for (const char *c = text; *c != 'e'; c++) {
        if (*c >= '0' && *c <= '9')
            d.digits[d.count++] = *c;
    }
    d.point = (int)strtol(strchr(text, 'e') + 1, NULL, 10) + 1;
    return d;
}

/* One unit more in the last place. */
static struct decimal next_above(struct decimal d)
{
    int i = d.count - 1;
    while (i >= 0 && d.digits[i] == '9')
        d.digits[i--] = '0';
    if (i >= 0) {
        d.digits[i]++;
        return d;
    }
    memset(d.digits, '0', (size_t)d.count);
    d.digits[0] = '1';
    d.point++;
    return d;
}

/* The fewest digits that read back as the value. Just above a power of two lies more room than
 * below it, so that the nearest decimal may miss where the next one above reads back. */
static struct decimal shortest(double value)
{
    for (int count = 1; count < DIGITS_MAX; count++) {
        struct decimal d = rounded(value, count);
        if (means(&d, value))
            return d;
        d = next_above(d);
        if (means(&d, value))
            return d;
    }
    return rounded(value, DIGITS_MAX);
}

static void trim_zeros(struct decimal *d)
{
    while (d->count > 1 && d->digits[d->count - 1] == '0')
        d->digits[--d->count] = '\0';
}

/* ECMAScript, Number::toString, in its order. */
static void print(const struct decimal *d, const char *sign, char out[PHI_JSON_NUMBER_MAX])
{
    int n = d->point;
    int k = d->count;
    size_t size = PHI_JSON_NUMBER_MAX;
    if (k <= n && n <= 21)
        snprintf(out, size, "%s%s%.*s", sign, d->digits, n - k, "00000000000000000000");
    else if (0 < n && n < k)
        snprintf(out, size, "%s%.*s.%s", sign, n, d->digits, d->digits + n);
    else if (-6 < n && n <= 0)
        snprintf(out, size, "%s0.%.*s%s", sign, -n, "000000", d->digits);
    else if (k == 1)
        snprintf(out, size, "%s%se%+d", sign, d->digits, n - 1);
    else
        snprintf(out, size, "%s%c.%se%+d", sign, d->digits[0], d->digits + 1, n - 1);
}

enum phi_err phi_json_format_number(double value, char out[PHI_JSON_NUMBER_MAX])
{
    if (!isfinite(value))
        return PHI_ERR_FIELD_VALUE;
    if (fpclassify(value) == FP_ZERO) {
        memcpy(out, "0", 2);
        return PHI_OK;
    }
    struct decimal d = shortest(fabs(value));
    trim_zeros(&d);
    print(&d, signbit(value) ? "-" : "", out);
    return PHI_OK;
}
