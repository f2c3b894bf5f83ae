#include "parts.h"

#include <stdlib.h>
#include <string.h>

#define SKEW_MAX_S 300
#define OWN_A_LEN  34

struct phi_scan *phi_scan_new(const unsigned char owner[64])
{
    struct phi_scan *scan = owner == NULL ? NULL : calloc(1, sizeof(*scan));
    if (scan == NULL)
        return NULL;
    scan->owner = scan_key_new(owner);
    if (scan->owner == NULL) {
        free(scan);
        return NULL;
    }
    return scan;
}

void phi_scan_free(struct phi_scan *scan)
{
    if (scan == NULL)
        return;
    scan_key_free(scan->owner);
    scan_list_free(scan->list);
    scan_filter_drop(&scan->filter);
    free(scan);
}

int phi_scan_set_clock_skew(struct phi_scan *scan, int seconds)
{
    if (scan == NULL || seconds < 0 || seconds > SKEW_MAX_S)
        return PHI_SCAN_ARGUMENT;
    scan->skew_s = seconds;
    return PHI_SCAN_GOOD;
}

int phi_scan_load_trust_list(struct phi_scan *scan, const void *json, size_t len, int64_t now_s)
{
    struct scan_list *list = NULL;
    (void)now_s;
    if (scan == NULL || json == NULL)
        return PHI_SCAN_ARGUMENT;
    int result = scan_list_read(json, len, scan->owner, &list);
    if (result != PHI_SCAN_GOOD)
        return result;
    if (scan->list != NULL && list->version < scan->list->version) {
        scan_list_free(list);
        return PHI_SCAN_OLDER;
    }
    scan_list_free(scan->list);
    scan->list = list;
    return PHI_SCAN_GOOD;
}

static bool is_in_force(const struct phi_scan *scan, const struct scan_key *key, int64_t now_s)
{
    return key->from_s <= now_s + scan->skew_s && now_s - scan->skew_s < key->to_s;
}

static int verify_filter(const struct phi_scan *scan, const struct scan_filter *filter,
                         int64_t now_s)
{
    const struct scan_platform *platform = scan_list_platform(scan->list, filter->platform);
    for (size_t i = 0; platform != NULL && platform->is_active && i < platform->key_count; i++) {
        const struct scan_key *key = &platform->keys[i];
        if (key->use == SCAN_USE_REVOCATION && strcmp(key->serial, filter->key_serial) == 0 &&
            is_in_force(scan, key, now_s))
            return scan_verify(key->object, filter->signed_part, filter->sig);
    }
    return PHI_SCAN_FORGED;
}

static int judge_filter(const struct phi_scan *scan, const struct scan_filter *filter,
                        const char *platform, int64_t now_s)
{
    if (strcmp(filter->platform, platform) != 0)
        return PHI_SCAN_FORGED;
    int result = verify_filter(scan, filter, now_s);
    if (result != PHI_SCAN_GOOD)
        return result;
    if (now_s - scan->skew_s > filter->not_after_s)
        return PHI_SCAN_OVER;
    bool is_older = scan->filter.bytes != NULL &&
                    strcmp(scan->filter.platform, filter->platform) == 0 &&
                    filter->sequence < scan->filter.sequence;
    return is_older ? PHI_SCAN_OLDER : PHI_SCAN_GOOD;
}

int phi_scan_load_filter(struct phi_scan *scan, const void *bytes, size_t len, const char *platform,
                         int64_t now_s)
{
    struct scan_filter filter;
    if (scan == NULL || bytes == NULL || platform == NULL)
        return PHI_SCAN_ARGUMENT;
    if (scan->list == NULL)
        return PHI_SCAN_NO_LIST;
    int result = scan_filter_read(bytes, len, &filter);
    if (result != PHI_SCAN_GOOD)
        return result;
    result = judge_filter(scan, &filter, platform, now_s);
    if (result != PHI_SCAN_GOOD) {
        scan_filter_drop(&filter);
        return result;
    }
    scan_filter_drop(&scan->filter);
    scan->filter = filter;
    return PHI_SCAN_GOOD;
}

/* ---- Judging ---- */

static bool names_key_set(const struct scan_platform *platform, const struct scan_code *code)
{
    for (size_t i = 0; code->a.len == OWN_A_LEN && i < platform->key_count; i++)
        if (platform->keys[i].use == SCAN_USE_CODE && platform->keys[i].key_set == code->a.data[0])
            return true;
    return false;
}

static int judge_signature(const struct phi_scan *scan, const struct scan_platform *platform,
                           const struct scan_code *code, int64_t now_s, bool is_own)
{
    for (size_t i = 0; i < platform->key_count; i++) {
        const struct scan_key *key = &platform->keys[i];
        bool is_tried = key->use == SCAN_USE_CODE && is_in_force(scan, key, now_s) &&
                        (!is_own || key->key_set == code->a.data[0]);
        int result =
            is_tried ? scan_verify(key->object, code->signed_part, code->sig) : PHI_SCAN_FORGED;
        if (result != PHI_SCAN_FORGED)
            return result;
    }
    return PHI_SCAN_CODE_SIGNATURE;
}

static bool revocation_id(const struct scan_code *code, bool is_own, unsigned char out[SCAN_ID_LEN])
{
    unsigned char serial[SCAN_DIGEST_LEN], digest[SCAN_DIGEST_LEN];
    if (is_own)
        memcpy(serial, code->a.data + 1, SCAN_ID_LEN);
    else if (!scan_sm3(&code->signed_part, 1, serial))
        return false;
    const struct scan_bytes parts[] = {{(const unsigned char *)code->platform, 6},
                                       {serial, SCAN_ID_LEN}};
    if (!scan_sm3(parts, 2, digest))
        return false;
    memcpy(out, digest, SCAN_ID_LEN);
    return true;
}

static int judge_revocation(const struct phi_scan *scan, const struct scan_code *code,
                            int64_t now_s, struct phi_scan_verdict *out)
{
    const struct scan_filter *filter = &scan->filter;
    unsigned char id[SCAN_ID_LEN];
    if (filter->bytes == NULL || now_s - scan->skew_s > filter->not_after_s)
        return PHI_SCAN_UNSEEN;
    if (!revocation_id(code, out->is_own != 0, id))
        return PHI_SCAN_CRYPTO;
    bool is_revoked = scan_filter_has(filter, id) ||
                      (out->is_own && scan_filter_has_key_set(filter, code->platform, out->key_set,
                                                              code->deadline_s));
    return is_revoked ? PHI_SCAN_CODE_REVOKED : PHI_SCAN_GOOD;
}

static int judge_platform(const struct scan_platform *platform)
{
    if (platform == NULL)
        return PHI_SCAN_CODE_PLATFORM;
    return platform->is_active ? PHI_SCAN_GOOD : PHI_SCAN_CODE_SUSPENDED;
}

static int judge(const struct phi_scan *scan, struct scan_bytes bytes, int64_t now_s,
                 struct phi_scan_verdict *out)
{
    struct scan_code code;
    const char *place = "";
    out->form = scan_code_read(bytes, &code, &place);
    strncpy(out->place, place, sizeof(out->place) - 1);
    if (out->form != PHI_SCAN_GOOD)
        return out->form;
    memcpy(out->platform_id, code.platform, sizeof(code.platform));
    out->deadline_s = code.deadline_s;
    const struct scan_platform *platform = scan_list_platform(scan->list, code.platform);
    out->platform = judge_platform(platform);
    if (out->platform != PHI_SCAN_GOOD)
        return out->platform;
    out->is_own = names_key_set(platform, &code);
    out->key_set = out->is_own ? code.a.data[0] : 0;
    out->signature = judge_signature(scan, platform, &code, now_s, out->is_own != 0);
    if (out->signature != PHI_SCAN_GOOD)
        return out->signature;
    out->deadline = now_s - scan->skew_s > code.deadline_s ? PHI_SCAN_CODE_EXPIRED : PHI_SCAN_GOOD;
    if (out->deadline != PHI_SCAN_GOOD)
        return out->deadline;
    out->revocation = judge_revocation(scan, &code, now_s, out);
    return out->revocation == PHI_SCAN_UNSEEN ? PHI_SCAN_GOOD : out->revocation;
}

static struct phi_scan_verdict begin(const struct phi_scan *scan, int64_t now_s)
{
    struct phi_scan_verdict out = {.text = PHI_SCAN_NOT_REACHED,
                                   .form = PHI_SCAN_NOT_REACHED,
                                   .platform = PHI_SCAN_NOT_REACHED,
                                   .signature = PHI_SCAN_NOT_REACHED,
                                   .deadline = PHI_SCAN_NOT_REACHED,
                                   .revocation = PHI_SCAN_NOT_REACHED,
                                   .filter_age_s = -1};
    bool has_filter =
        scan->filter.bytes != NULL && now_s - scan->skew_s <= scan->filter.not_after_s;
    out.unseen = PHI_SCAN_UNSEEN_ONE_TIME | PHI_SCAN_UNSEEN_PAPER | PHI_SCAN_UNSEEN_SUBJECT |
                 (has_filter ? PHI_SCAN_UNSEEN_LATER : PHI_SCAN_UNSEEN_REVOCATION);
    if (scan->filter.bytes != NULL)
        out.filter_age_s = now_s > scan->filter.issued_s ? now_s - scan->filter.issued_s : 0;
    return out;
}

static int end(struct phi_scan_verdict *mine, int result, struct phi_scan_verdict *verdict,
               size_t size)
{
    mine->result = result;
    memset(verdict, 0, size);
    memcpy(verdict, mine, size < sizeof(*mine) ? size : sizeof(*mine));
    return result;
}

static int refuse(const struct phi_scan *scan, const void *given,
                  const struct phi_scan_verdict *verdict, size_t size)
{
    if (scan == NULL || given == NULL || verdict == NULL || size < sizeof(int))
        return PHI_SCAN_ARGUMENT;
    return scan->list == NULL ? PHI_SCAN_NO_LIST : PHI_SCAN_GOOD;
}

int phi_scan_check_text(const struct phi_scan *scan, const char *text, size_t len, int64_t now_s,
                        struct phi_scan_verdict *verdict, size_t size)
{
    unsigned char bytes[SCAN_CODE_MAX];
    size_t decoded = 0;
    int result = refuse(scan, text, verdict, size);
    if (result != PHI_SCAN_GOOD)
        return result;
    struct phi_scan_verdict mine = begin(scan, now_s);
    mine.text = scan_base32(text, len, bytes, sizeof(bytes), &decoded) ? PHI_SCAN_GOOD
                                                                       : PHI_SCAN_CODE_MALFORMED;
    if (mine.text == PHI_SCAN_GOOD)
        result = judge(scan, (struct scan_bytes){bytes, decoded}, now_s, &mine);
    else
        result = mine.text;
    return end(&mine, result, verdict, size);
}

int phi_scan_check_bytes(const struct phi_scan *scan, const void *bytes, size_t len, int64_t now_s,
                         struct phi_scan_verdict *verdict, size_t size)
{
    int result = refuse(scan, bytes, verdict, size);
    if (result != PHI_SCAN_GOOD)
        return result;
    struct phi_scan_verdict mine = begin(scan, now_s);
    result = judge(scan, (struct scan_bytes){bytes, len}, now_s, &mine);
    return end(&mine, result, verdict, size);
}

const char *phi_scan_result_name(int result)
{
    static const struct {
        int result;
        const char *name;
    } names[] = {{PHI_SCAN_GOOD, "ok"},
                 {PHI_SCAN_NOT_REACHED, "not_reached"},
                 {PHI_SCAN_UNSEEN, "unseen"},
                 {PHI_SCAN_CODE_MALFORMED, "code_malformed"},
                 {PHI_SCAN_CODE_SIGNATURE, "code_signature"},
                 {PHI_SCAN_CODE_EXPIRED, "code_expired"},
                 {PHI_SCAN_CODE_REVOKED, "code_revoked"},
                 {PHI_SCAN_CODE_PLATFORM, "code_platform"},
                 {PHI_SCAN_CODE_SUSPENDED, "code_suspended"},
                 {PHI_SCAN_CODE_VERSION, "code_version"},
                 {PHI_SCAN_MEMORY, "memory"},
                 {PHI_SCAN_FORM, "form"},
                 {PHI_SCAN_FORGED, "forged"},
                 {PHI_SCAN_OLDER, "older"},
                 {PHI_SCAN_OVER, "over"},
                 {PHI_SCAN_NO_LIST, "no_list"},
                 {PHI_SCAN_ARGUMENT, "argument"},
                 {PHI_SCAN_CRYPTO, "crypto"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].result == result)
            return names[i].name;
    return "unknown";
}

const char *phi_scan_version(void)
{
    return PHI_SCAN_VERSION;
}
