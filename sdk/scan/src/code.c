#include "parts.h"

#include <string.h>

#define A_MAX  4096
#define B_LEN  58
#define B_HEAD 6

static int refuse(const char **place, const char *where)
{
    *place = where;
    return PHI_SCAN_CODE_MALFORMED;
}

/* Type and version come before the length: another version may be longer. */
static int read_b(struct scan_bytes b, struct scan_code *out, const char **place)
{
    struct scan_cursor in = {b.data, b.len, false};
    if (b.len < B_HEAD)
        return refuse(place, "B.length");
    uint64_t version = scan_take_number(&in, 2);
    if (memcmp(scan_take(&in, 4).data, "JKM1", 4) != 0) {
        *place = "B.type";
        return PHI_SCAN_CODE_VERSION;
    }
    if (version != 1) {
        *place = "B.version";
        return PHI_SCAN_CODE_VERSION;
    }
    if (b.len != B_LEN)
        return refuse(place, "B.length");
    struct scan_bytes platform = scan_take(&in, 6);
    if (!scan_platform_id(platform.data))
        return refuse(place, "B.platform");
    memcpy(out->platform, platform.data, 6);
    if (!scan_time14(scan_take(&in, 14).data, &out->deadline_s))
        return refuse(place, "B.deadline");
    return PHI_SCAN_GOOD;
}

int scan_code_read(struct scan_bytes bytes, struct scan_code *out, const char **place)
{
    struct scan_cursor in = {bytes.data, bytes.len, false};
    memset(out, 0, sizeof(*out));
    size_t length = (size_t)scan_take_number(&in, 2);
    if (in.has_failed || length == 0 || length > A_MAX)
        return refuse(place, "A.length");
    out->a = scan_take(&in, length);
    if (in.has_failed)
        return refuse(place, "A");
    length = (size_t)scan_take_number(&in, 2);
    if (in.has_failed)
        return refuse(place, "B.length");
    struct scan_bytes b = scan_take(&in, length);
    if (in.has_failed)
        return refuse(place, "B");
    int result = read_b(b, out, place);
    if (result != PHI_SCAN_GOOD)
        return result;
    out->signed_part.data = bytes.data;
    out->signed_part.len = bytes.len - in.left;
    out->sig = scan_take(&in, SCAN_SIG_LEN).data;
    if (in.has_failed || in.left > 0)
        return refuse(place, "S");
    return PHI_SCAN_GOOD;
}
