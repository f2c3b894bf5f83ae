/* libphi_scan: judges health codes (GB/T 38961) without a network, for vendors of scanners to
 * embed.
 *
 *   struct phi_scan *scan = phi_scan_new(owner_key);                   // 64 bytes x‖y, pinned
 *   if (phi_scan_load_trust_list(scan, list, list_len, now_s) != PHI_SCAN_GOOD) …
 *   if (phi_scan_load_filter(scan, filter, filter_len, "320000", now_s) != PHI_SCAN_GOOD) …
 *   struct phi_scan_verdict verdict;
 *   phi_scan_check_text(scan, text, text_len, now_s, &verdict, sizeof(verdict));
 *   if (verdict.result == PHI_SCAN_GOOD) …         // as far as seen; verdict.unseen: what isn't
 *   phi_scan_free(scan);
 *
 * Nothing blocks, no file is read, no clock is asked: the time comes with the call, in seconds
 * since 1970 UTC. A `struct phi_scan` may be asked by several threads at once; loading is for one
 * thread while nobody asks. The ABI is stable within a major version: functions and members are
 * added, never changed; callers tell the size of their verdict.
 */
#ifndef PHI_SCAN_H
#define PHI_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PHI_SCAN_VERSION "1.0.0"

#if defined(__GNUC__)
#define PHI_SCAN_API __attribute__((visibility("default")))
#else
#define PHI_SCAN_API
#endif

/* Numbers are fixed; 2001 … 2008 are the public result codes. */
enum phi_scan_result {
    PHI_SCAN_GOOD = 0,
    PHI_SCAN_NOT_REACHED = 1, /* a layer behind the first refusal */
    PHI_SCAN_UNSEEN = 2,      /* revocation: no filter, or one that is too old */
    /* refusals of a code */
    PHI_SCAN_CODE_MALFORMED = 2001,
    PHI_SCAN_CODE_SIGNATURE = 2002,
    PHI_SCAN_CODE_EXPIRED = 2003,
    PHI_SCAN_CODE_REVOKED = 2005,
    PHI_SCAN_CODE_PLATFORM = 2006,
    PHI_SCAN_CODE_SUSPENDED = 2007,
    PHI_SCAN_CODE_VERSION = 2008,
    /* why a list or a filter was not loaded; what was loaded before stays */
    PHI_SCAN_MEMORY = 10,
    PHI_SCAN_FORM = 11,    /* not of its form */
    PHI_SCAN_FORGED = 12,  /* its signature is not of the pinned key, or of the platform's */
    PHI_SCAN_OLDER = 13,   /* than the one that is loaded */
    PHI_SCAN_OVER = 14,    /* a filter past its notAfter */
    PHI_SCAN_NO_LIST = 15, /* a filter needs a trust list first; so does a check */
    PHI_SCAN_ARGUMENT = 16,
    PHI_SCAN_CRYPTO = 17 /* the crypto library can't do SM2 or SM3 */
};

/* What no scanner can see without its issuer, whatever the verdict: bits of `unseen`. */
enum phi_scan_unseen {
    PHI_SCAN_UNSEEN_ONE_TIME = 1,   /* whether a one-time code was used before */
    PHI_SCAN_UNSEEN_PAPER = 2,      /* whether it is a paper certificate: the flags are sealed */
    PHI_SCAN_UNSEEN_SUBJECT = 4,    /* whose it is, and whether all codes of a person are revoked */
    PHI_SCAN_UNSEEN_REVOCATION = 8, /* no filter in force is loaded */
    PHI_SCAN_UNSEEN_LATER = 16      /* what was revoked after the filter was made */
};

struct phi_scan_verdict {
    int result; /* PHI_SCAN_GOOD or the first refusal */
    int text;   /* the layers, in the order in which they are judged; bytes begin at form */
    int form;
    int platform;
    int signature;
    int deadline;
    int revocation;       /* CODE_REVOKED of a good code: less than 1 in 50,000 */
    unsigned unseen;      /* enum phi_scan_unseen */
    char platform_id[8];  /* "320000", when the form is good */
    char place[16];       /* of a form's defect: "B.length" */
    int64_t deadline_s;   /* when the form is good */
    int is_own;           /* A names a key set of its platform; else it is opaque */
    int key_set;          /* when it is own */
    int64_t filter_age_s; /* since the filter was made; -1 without one */
};

struct phi_scan;

/* The public key of the trust list's owner, x‖y. NULL: out of memory, or no point of the curve. */
PHI_SCAN_API struct phi_scan *phi_scan_new(const unsigned char owner[64]);
PHI_SCAN_API void phi_scan_free(struct phi_scan *scan); /* NULL is fine */

/* How far this scanner's clock may be off, 0 (at first) … 300 seconds: so long past its deadline a
 * code is still good. PHI_SCAN_ARGUMENT. */
PHI_SCAN_API int phi_scan_set_clock_skew(struct phi_scan *scan, int seconds);

/* The answer of GET /v1/trust-list as it came, or its `data`. Replaces the one before; a filter
 * that is loaded stays. FORM, FORGED, OLDER, MEMORY, CRYPTO. */
PHI_SCAN_API int phi_scan_load_trust_list(struct phi_scan *scan, const void *json, size_t len,
                                          int64_t now_s);
/* The bytes of GET /v1/codes/revocations of the province that the scanner stands in, whose platform
 * id is `platform`. FORM, FORGED, OLDER, OVER, NO_LIST, MEMORY, CRYPTO. */
PHI_SCAN_API int phi_scan_load_filter(struct phi_scan *scan, const void *bytes, size_t len,
                                      const char *platform, int64_t now_s);

/* Judges what the symbol held: its text, or bytes. Gives verdict->result; `size` is sizeof(struct
 * phi_scan_verdict) as the caller knows it. Also NO_LIST, ARGUMENT, CRYPTO. */
PHI_SCAN_API int phi_scan_check_text(const struct phi_scan *scan, const char *text, size_t len,
                                     int64_t now_s, struct phi_scan_verdict *verdict, size_t size);
PHI_SCAN_API int phi_scan_check_bytes(const struct phi_scan *scan, const void *bytes, size_t len,
                                      int64_t now_s, struct phi_scan_verdict *verdict, size_t size);

PHI_SCAN_API const char *phi_scan_result_name(int result); /* "code_expired"; never NULL */
PHI_SCAN_API const char *phi_scan_version(void);           /* of the library: "1.0.0" */

#ifdef __cplusplus
}
#endif

#endif
