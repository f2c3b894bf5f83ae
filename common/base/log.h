/* Log lines: one per event, logfmt or JSON, on stderr. No personal data by construction: a value is
 * a number, an error's name, or a *word* of plain ASCII that passes phi_log_word_is_safe; anything
 * else is written as "redacted". Names, id numbers, tokens and codes can't pass it.
 *
 *   phi_log(PHI_LOG_INFO, "ready", PHI_L_WORD("address", "127.0.0.1"), PHI_L_INT("port", 8101));
 */
#ifndef PHI_BASE_LOG_H
#define PHI_BASE_LOG_H

#include "base/err.h"

#include <stdint.h>

enum phi_log_level { PHI_LOG_DEBUG, PHI_LOG_INFO, PHI_LOG_WARN, PHI_LOG_ERROR };
enum phi_log_format { PHI_LOG_LOGFMT, PHI_LOG_JSON };
enum phi_log_kind { PHI_LOG_KIND_WORD, PHI_LOG_KIND_INT, PHI_LOG_KIND_ERR, PHI_LOG_KIND_DETAIL };

struct phi_log_field {
    enum phi_log_kind kind;
    const char *key;
    const char *word;
    int64_t number;
    const struct phi_error *detail;
};

#define PHI_L_WORD(k, v)                                                                           \
    ((struct phi_log_field){.kind = PHI_LOG_KIND_WORD, .key = (k), .word = (v)})
#define PHI_L_INT(k, v)                                                                            \
    ((struct phi_log_field){.kind = PHI_LOG_KIND_INT, .key = (k), .number = (int64_t)(v)})
#define PHI_L_ERR(v) ((struct phi_log_field){.kind = PHI_LOG_KIND_ERR, .key = "err", .number = (v)})
/* a struct phi_error: err, place and text, each through the same sieve (a text up to its own
 * length) */
#define PHI_L_DETAIL(v)                                                                            \
    ((struct phi_log_field){.kind = PHI_LOG_KIND_DETAIL, .key = "err", .detail = (v)})

void phi_log_open(const char *service, enum phi_log_format format, enum phi_log_level least,
                  int fd);
/* The request id that this thread's lines carry from now on; NULL for none. Borrowed until
 * replaced. */
void phi_log_set_request(const char *request_id);
void phi_log_write(enum phi_log_level level, const char *event, const struct phi_log_field *fields,
                   size_t count); /* any thread; one write(2) a line; never blocks on a lock */
#define phi_log(level, event, ...)                                                                 \
    phi_log_write((level), (event), (const struct phi_log_field[]){__VA_ARGS__},                   \
                  sizeof((const struct phi_log_field[]){__VA_ARGS__}) /                            \
                      sizeof(struct phi_log_field))

/* The one redaction rule: 1..96 printable ASCII characters without double quotes and backslashes,
 * no run of 15 or more digits (also split by spaces or dashes), no run of 40 or more base64 or
 * base32 letters. */
bool phi_log_word_is_safe(const char *word);

#endif
