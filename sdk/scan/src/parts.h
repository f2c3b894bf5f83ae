/* What the library's files share; nothing of it is exported. Written from docs/codes.md alone. */
#ifndef PHI_SCAN_PARTS_H
#define PHI_SCAN_PARTS_H

#include "phi_scan.h"

#include <stdbool.h>

#define SCAN_CODE_MAX   4222
#define SCAN_SIG_LEN    64
#define SCAN_XY_LEN     64
#define SCAN_SERIAL_LEN 16
#define SCAN_DIGEST_LEN 32
#define SCAN_ID_LEN     16

struct scan_bytes {
    const unsigned char *data;
    size_t len;
};

/* bytes.c: a cursor that fails for good past the end; numbers are big-endian. */
struct scan_cursor {
    const unsigned char *at;
    size_t left;
    bool has_failed;
};
struct scan_bytes scan_take(struct scan_cursor *in, size_t len);
uint64_t scan_take_number(struct scan_cursor *in, size_t len);
bool scan_hex(const char *text, unsigned char *out, size_t len); /* exactly 2 * len digits */
bool scan_base64(const char *text, unsigned char *out, size_t size, size_t *len);
bool scan_base32(const char *text, size_t len, unsigned char *out, size_t size, size_t *out_len);
bool scan_digits(const unsigned char *text, size_t len);
bool scan_platform_id(const unsigned char *text); /* six bytes */
bool scan_time14(const unsigned char *text, int64_t *out_s);
bool scan_rfc3339(const char *text, int64_t *out_s);

/* sm.c: by OpenSSL. */
struct scan_key_object;
struct scan_key_object *scan_key_new(const unsigned char xy[SCAN_XY_LEN]); /* NULL: no point */
void scan_key_free(struct scan_key_object *key);
/* PHI_SCAN_GOOD, PHI_SCAN_FORGED, PHI_SCAN_CRYPTO, PHI_SCAN_MEMORY */
int scan_verify(const struct scan_key_object *key, struct scan_bytes message,
                const unsigned char sig[SCAN_SIG_LEN]);
bool scan_sm3(const struct scan_bytes *parts, size_t count, unsigned char out[SCAN_DIGEST_LEN]);

/* code.c */
struct scan_code {
    struct scan_bytes signed_part;
    struct scan_bytes a;
    const unsigned char *sig;
    char platform[7];
    int64_t deadline_s;
};
/* PHI_SCAN_GOOD, CODE_MALFORMED, CODE_VERSION; `place` is static. */
int scan_code_read(struct scan_bytes bytes, struct scan_code *out, const char **place);

/* trust.c */
enum scan_use { SCAN_USE_CODE, SCAN_USE_REVOCATION };
struct scan_key {
    enum scan_use use;
    int key_set;
    char serial[SCAN_SERIAL_LEN + 1];
    struct scan_key_object *object;
    int64_t from_s;
    int64_t to_s;
};
struct scan_platform {
    char id[7];
    bool is_active;
    struct scan_key *keys;
    size_t key_count;
};
struct scan_list {
    uint64_t version;
    struct scan_platform *platforms;
    size_t count;
};
int scan_list_read(const char *json, size_t len, const struct scan_key_object *owner,
                   struct scan_list **out);
void scan_list_free(struct scan_list *list);
const struct scan_platform *scan_list_platform(const struct scan_list *list, const char *id);

/* filter.c; its views are into `bytes`. */
struct scan_filter {
    unsigned char *bytes; /* owned */
    size_t len;
    char platform[7];
    char key_serial[SCAN_SERIAL_LEN + 1];
    uint64_t sequence;
    int64_t issued_s;
    int64_t not_after_s;
    struct scan_bytes ranges;
    unsigned probes;
    uint32_t bits;
    struct scan_bytes set;
    struct scan_bytes signed_part;
    const unsigned char *sig;
};
int scan_filter_read(const void *bytes, size_t len, struct scan_filter *out);
void scan_filter_drop(struct scan_filter *filter);
bool scan_filter_has(const struct scan_filter *filter, const unsigned char id[SCAN_ID_LEN]);
bool scan_filter_has_key_set(const struct scan_filter *filter, const char *platform, int key_set,
                             int64_t deadline_s);

struct phi_scan {
    struct scan_key_object *owner;
    struct scan_list *list;
    struct scan_filter filter; /* bytes NULL: none */
    int64_t skew_s;
};

#endif
