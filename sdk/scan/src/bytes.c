#include "parts.h"

#include <string.h>

struct scan_bytes scan_take(struct scan_cursor *in, size_t len)
{
    struct scan_bytes taken = {NULL, 0};
    if (in->has_failed || len > in->left) {
        in->has_failed = true;
        return taken;
    }
    taken.data = in->at;
    taken.len = len;
    in->at += len;
    in->left -= len;
    return taken;
}

uint64_t scan_take_number(struct scan_cursor *in, size_t len)
{
    struct scan_bytes bytes = scan_take(in, len);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value = value << 8 | bytes.data[i];
    return value;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool scan_hex(const char *text, unsigned char *out, size_t len)
{
    if (strlen(text) != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* Bits of letters, high bits first, `width` a letter; what is left over must be zero bits. */
static bool unpack(const char *text, size_t letters, const char *alphabet, unsigned width,
                   unsigned char *out, size_t size, size_t *len)
{
    uint32_t held = 0;
    unsigned bits = 0;
    size_t count = 0;
    for (size_t i = 0; i < letters; i++) {
        const char *found = text[i] == '\0' ? NULL : strchr(alphabet, text[i]);
        if (found == NULL)
            return false;
        held = (held << width | (uint32_t)(found - alphabet)) & 0xffff;
        bits += width;
        if (bits < 8)
            continue;
        bits -= 8;
        if (count == size)
            return false;
        out[count++] = (unsigned char)(held >> bits);
    }
    *len = count;
    return (held & ((1u << bits) - 1)) == 0;
}

bool scan_base64(const char *text, unsigned char *out, size_t size, size_t *len)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t letters = strlen(text);
    if (letters % 4 != 0 || letters == 0)
        return false;
    for (int i = 0; i < 2 && text[letters - 1] == '='; i++)
        letters--;
    return unpack(text, letters, alphabet, 6, out, size, len);
}

bool scan_base32(const char *text, size_t len, unsigned char *out, size_t size, size_t *out_len)
{
    size_t rest = len % 8;
    if (len == 0 || rest == 1 || rest == 3 || rest == 6)
        return false;
    return unpack(text, len, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 5, out, size, out_len);
}

bool scan_digits(const unsigned char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return true;
}

static int number_of(const unsigned char *text, size_t len)
{
    int value = 0;
    for (size_t i = 0; i < len; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

bool scan_platform_id(const unsigned char *text)
{
    static const char provinces[] =
        "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 "
        "50 51 52 53 54 61 62 63 64 65 71 81 82 ";
    const char province[] = {(char)text[0], (char)text[1], ' ', '\0'};
    if (!scan_digits(text, 6))
        return false;
    if (memcmp(text, "000000", 6) == 0)
        return true;
    bool is_district = memcmp(text + 4, "00", 2) != 0, has_city = memcmp(text + 2, "00", 2) != 0;
    return strstr(provinces, province) != NULL && (has_city || !is_district);
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1 : 0);
}

/* Days since 1970, proleptic Gregorian. */
static int64_t days_before(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool seconds_of(const int parts[6], int64_t *out)
{
    if (parts[0] < 1970 || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 ||
        parts[2] > days_in(parts[0], parts[1]) || parts[3] > 23 || parts[4] > 59 || parts[5] > 59)
        return false;
    *out = days_before(parts[0], parts[1], parts[2]) * 86400 + parts[3] * 3600 + parts[4] * 60 +
           parts[5];
    return true;
}

bool scan_time14(const unsigned char *text, int64_t *out_s)
{
    if (!scan_digits(text, 14))
        return false;
    const int parts[6] = {number_of(text, 4),     number_of(text + 4, 2),  number_of(text + 6, 2),
                          number_of(text + 8, 2), number_of(text + 10, 2), number_of(text + 12, 2)};
    return seconds_of(parts, out_s);
}

static bool zone_of(const unsigned char *text, int64_t *out_s)
{
    if (text[0] == 'Z' && text[1] == '\0') {
        *out_s = 0;
        return true;
    }
    if ((text[0] != '+' && text[0] != '-') || strlen((const char *)text) != 6 || text[3] != ':' ||
        !scan_digits(text + 1, 2) || !scan_digits(text + 4, 2))
        return false;
    int hours = number_of(text + 1, 2), minutes = number_of(text + 4, 2);
    *out_s = (text[0] == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
    return hours <= 23 && minutes <= 59;
}

bool scan_rfc3339(const char *text, int64_t *out_s)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd";
    static const int at[6] = {0, 5, 8, 11, 14, 17};
    const unsigned char *bytes = (const unsigned char *)text;
    int parts[6];
    int64_t zone_s = 0;
    if (strlen(text) < sizeof(form))
        return false;
    for (size_t i = 0; i < sizeof(form) - 1; i++)
        if (form[i] == 'd' ? !scan_digits(bytes + i, 1) : text[i] != form[i])
            return false;
    for (int i = 0; i < 6; i++)
        parts[i] = number_of(bytes + at[i], i == 0 ? 4 : 2);
    bytes += sizeof(form) - 1;
    if (*bytes == '.') {
        size_t digits = strspn((const char *)bytes + 1, "0123456789");
        if (digits == 0)
            return false;
        bytes += 1 + digits;
    }
    if (!zone_of(bytes, &zone_s) || !seconds_of(parts, out_s))
        return false;
    *out_s -= zone_s;
    return true;
}
