#include "bus/signed.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNED_PARTS     7
#define VERSION_DIGITS   20
#define JOBS_MAX         64
#define SIGNED_ARENA     (4 * 1024 * 1024)
#define HEADER_KEY       "phi-key"
#define HEADER_VERSION   "phi-version"
#define HEADER_SIGNATURE "phi-signature"
#define HEADER_MAC       "phi-mac"

/* topic ‖ LF ‖ key ‖ LF ‖ version ‖ LF ‖ value; readable in one way only because the value has no
 * LF. */
static bool signed_parts(const char *topic, struct phi_view key, struct phi_view version,
                         struct phi_view value, struct phi_view parts[SIGNED_PARTS])
{
    struct phi_view feed = phi_view_text("\n");
    if (!topic || !*topic || strchr(topic, '\n') ||
        (value.len && memchr(value.data, '\n', value.len)))
        return false;
    parts[0] = phi_view_text(topic);
    parts[1] = feed;
    parts[2] = key;
    parts[3] = feed;
    parts[4] = version;
    parts[5] = feed;
    parts[6] = value;
    return true;
}

/* One run of bytes, for SM2, which digests Z first. */
static enum phi_err join(const struct phi_view parts[SIGNED_PARTS], struct phi_arena *arena,
                         struct phi_view *out)
{
    size_t total = 0, len = 0;
    for (size_t i = 0; i < SIGNED_PARTS; i++)
        total += parts[i].len;
    uint8_t *bytes = phi_arena_alloc(arena, total);
    if (!bytes)
        return PHI_ERR_MEMORY;
    for (size_t i = 0; i < SIGNED_PARTS; i++) {
        if (parts[i].len)
            memcpy(bytes + len, parts[i].data, parts[i].len);
        len += parts[i].len;
    }
    *out = phi_view_of(bytes, total);
    return PHI_OK;
}

static enum phi_err add_text(struct phi_event *event, const char *name, struct phi_view text,
                             struct phi_arena *arena)
{
    char *copy = phi_arena_text(arena, text);
    return copy ? phi_event_add(event, name, phi_view_text(copy)) : PHI_ERR_MEMORY;
}

static enum phi_err add_base64(struct phi_event *event, const char *name, const uint8_t *bytes,
                               size_t len, struct phi_arena *arena)
{
    char *text = phi_arena_alloc(arena, PHI_BASE64_LEN(len) + 1);
    if (!text)
        return PHI_ERR_MEMORY;
    phi_base64_encode(phi_view_of(bytes, len), text);
    return phi_event_add(event, name, phi_view_text(text));
}

/* What an event's signature covers, in the arena. */
static enum phi_err bytes_of(const struct phi_event *event, uint64_t version,
                             struct phi_arena *arena, struct phi_view *out)
{
    struct phi_view parts[SIGNED_PARTS];
    char digits[VERSION_DIGITS + 1];
    snprintf(digits, sizeof(digits), "%" PRIu64, version);
    if (!signed_parts(event->topic, event->key, phi_view_text(digits), event->value, parts))
        return PHI_ERR_FIELD_VALUE;
    if (event->extra_count + 3 > PHI_EVENT_EXTRA_MAX)
        return PHI_ERR_OVERLOAD;
    return join(parts, arena, out);
}

static enum phi_err add_headers(struct phi_event *event, const struct phi_signer *signer,
                                uint64_t version, const uint8_t sig[PHI_SM2_SIG_LEN],
                                struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    char digits[VERSION_DIGITS + 1];
    snprintf(digits, sizeof(digits), "%" PRIu64, version);
    PHI_GUARD(add_text(event, HEADER_KEY, phi_view_text(signer->key_serial), arena));
    PHI_GUARD(add_text(event, HEADER_VERSION, phi_view_text(digits), arena));
    PHI_GUARD(add_base64(event, HEADER_SIGNATURE, sig, PHI_SM2_SIG_LEN, arena));
out:
    return err;
}

enum phi_err phi_signed_add(struct phi_event *event, const struct phi_signer *signer,
                            uint64_t version, struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_view bytes;
    uint8_t sig[PHI_SM2_SIG_LEN];
    PHI_GUARD(bytes_of(event, version, arena, &bytes));
    PHI_GUARD(phi_sm2_sign(signer->key, bytes, sig));
    PHI_GUARD(add_headers(event, signer, version, sig, arena));
out:
    return err;
}

static void sign_some(struct phi_event *events, const uint64_t *versions, enum phi_err *errs,
                      size_t count, const struct phi_signer *signer, struct phi_arena *arena)
{
    struct phi_sm2_job jobs[JOBS_MAX];
    for (size_t i = 0; i < count; i++) {
        jobs[i] = (struct phi_sm2_job){.private_key = signer->key};
        errs[i] = bytes_of(&events[i], versions[i], arena, &jobs[i].message);
    }
    phi_sm2_sign_batch(jobs, count);
    for (size_t i = 0; i < count; i++) {
        if (errs[i] == PHI_OK)
            errs[i] = jobs[i].result;
        if (errs[i] == PHI_OK)
            errs[i] = add_headers(&events[i], signer, versions[i], jobs[i].sig, arena);
    }
}

void phi_signed_add_many(struct phi_event *events, const uint64_t *versions, enum phi_err *errs,
                         size_t count, const struct phi_signer *signer, struct phi_arena *arena)
{
    for (size_t at = 0; at < count; at += JOBS_MAX)
        sign_some(events + at, versions + at, errs + at,
                  count - at < JOBS_MAX ? count - at : JOBS_MAX, signer, arena);
}

/* Decimal, no sign, no leading zero, within u64. */
static bool parse_version(struct phi_view text, uint64_t *out)
{
    uint64_t value = 0;
    if (text.len > VERSION_DIGITS || !phi_text_is_digits(text) ||
        (text.len > 1 && text.data[0] == '0'))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        uint64_t digit = (uint64_t)(text.data[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

static const struct phi_sm2_public *find_key(const struct phi_pinned_key *pinned, size_t count,
                                             struct phi_view serial)
{
    for (size_t i = 0; i < count; i++)
        if (phi_view_equal(phi_view_text(pinned[i].key_serial), serial))
            return pinned[i].key;
    return NULL;
}

static enum phi_err take_signature(const struct phi_msg *msg, struct phi_view *serial,
                                   struct phi_view *version, uint8_t sig[PHI_SM2_SIG_LEN],
                                   struct phi_error *error)
{
    struct phi_view text;
    size_t len = 0;
    if (!phi_msg_header(msg, HEADER_KEY, serial))
        return phi_error_set(error, PHI_ERR_UNSIGNED, HEADER_KEY, "missing");
    if (!phi_msg_header(msg, HEADER_VERSION, version))
        return phi_error_set(error, PHI_ERR_UNSIGNED, HEADER_VERSION, "missing");
    if (!phi_msg_header(msg, HEADER_SIGNATURE, &text))
        return phi_error_set(error, PHI_ERR_UNSIGNED, HEADER_SIGNATURE, "missing");
    if (phi_base64_decode(text, sig, PHI_SM2_SIG_LEN, &len) != PHI_OK || len != PHI_SM2_SIG_LEN)
        return phi_error_set(error, PHI_ERR_HEADER, HEADER_SIGNATURE, "not 64 bytes in base64");
    return PHI_OK;
}

/* All but the signature itself: whose it would be, over what. */
static enum phi_err prepare(const struct phi_msg *msg, const struct phi_pinned_key *pinned,
                            size_t pinned_count, uint64_t *version, struct phi_arena *arena,
                            struct phi_sm2_job *job, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view parts[SIGNED_PARTS];
    struct phi_view serial, digits;
    PHI_GUARD(take_signature(msg, &serial, &digits, job->sig, error));
    if (!parse_version(digits, version))
        return phi_error_set(error, PHI_ERR_HEADER, HEADER_VERSION, "not a decimal number");
    job->public_key = find_key(pinned, pinned_count, serial);
    if (!job->public_key)
        return phi_error_set(error, PHI_ERR_KEY, HEADER_KEY, "not a pinned key");
    if (!signed_parts(msg->topic, msg->key, digits, msg->value, parts))
        return phi_error_set(error, PHI_ERR_SIGNATURE, "value", "has a line feed");
    PHI_GUARD(join(parts, arena, &job->message));
out:
    return err;
}

enum phi_err phi_signed_verify(const struct phi_msg *msg, const struct phi_pinned_key *pinned,
                               size_t pinned_count, uint64_t *version, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_sm2_job job = {0};
    uint64_t number = 0;
    struct phi_arena *arena = phi_arena_new(SIGNED_ARENA);
    PHI_GUARD(arena ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(prepare(msg, pinned, pinned_count, &number, arena, &job, error));
    err = phi_sm2_verify(job.public_key, job.message, job.sig);
    if (err != PHI_OK) {
        err = phi_error_set(error, err, HEADER_SIGNATURE, "does not verify");
        goto out;
    }
    *version = number;
out:
    phi_arena_free(arena);
    return err;
}

static void verify_some(struct phi_signed_job *jobs, size_t count, struct phi_arena *arena)
{
    struct phi_sm2_job rows[JOBS_MAX];
    struct phi_signed_job *whose[JOBS_MAX];
    uint64_t versions[JOBS_MAX];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        rows[ready] = (struct phi_sm2_job){0};
        jobs[i].err = prepare(jobs[i].msg, jobs[i].pinned, jobs[i].pinned_count, &versions[ready],
                              arena, &rows[ready], NULL);
        if (jobs[i].err == PHI_OK)
            whose[ready++] = &jobs[i];
    }
    phi_sm2_verify_batch(rows, ready);
    for (size_t i = 0; i < ready; i++) {
        whose[i]->err = rows[i].result;
        if (rows[i].result == PHI_OK)
            whose[i]->version = versions[i];
    }
}

void phi_signed_verify_many(struct phi_signed_job *jobs, size_t count, struct phi_arena *arena)
{
    for (size_t at = 0; at < count; at += JOBS_MAX)
        verify_some(jobs + at, count - at < JOBS_MAX ? count - at : JOBS_MAX, arena);
}

enum phi_err phi_mac_add(struct phi_event *event, const struct phi_hmac_key *key,
                         struct phi_arena *arena)
{
    struct phi_view parts[SIGNED_PARTS];
    uint8_t mac[PHI_SM3_LEN];
    struct phi_view digits = phi_view_text("0");
    for (size_t i = 0; i < event->extra_count; i++)
        if (strcmp(event->extra[i].name, HEADER_VERSION) == 0)
            digits = event->extra[i].value;
    if (!signed_parts(event->topic, event->key, digits, event->value, parts))
        return PHI_ERR_FIELD_VALUE;
    enum phi_err err = phi_hmac_sm3(key, parts, SIGNED_PARTS, mac);
    return err == PHI_OK ? add_base64(event, HEADER_MAC, mac, sizeof(mac), arena) : err;
}

enum phi_err phi_mac_verify(const struct phi_msg *msg, const struct phi_hmac_key *key,
                            struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_view parts[SIGNED_PARTS];
    struct phi_view text;
    struct phi_view digits = phi_view_text("0");
    uint8_t given[PHI_SM3_LEN];
    uint8_t mac[PHI_SM3_LEN];
    uint64_t number = 0;
    size_t len = 0;
    if (!phi_msg_header(msg, HEADER_MAC, &text))
        return phi_error_set(error, PHI_ERR_UNSIGNED, HEADER_MAC, "missing");
    if (phi_base64_decode(text, given, sizeof(given), &len) != PHI_OK || len != sizeof(given))
        return phi_error_set(error, PHI_ERR_HEADER, HEADER_MAC, "not 32 bytes in base64");
    (void)phi_msg_header(msg, HEADER_VERSION, &digits);
    if (!parse_version(digits, &number))
        return phi_error_set(error, PHI_ERR_HEADER, HEADER_VERSION, "not a decimal number");
    if (!signed_parts(msg->topic, msg->key, digits, msg->value, parts))
        return phi_error_set(error, PHI_ERR_SIGNATURE, "value", "has a line feed");
    PHI_GUARD(phi_hmac_sm3(key, parts, SIGNED_PARTS, mac));
    if (!phi_equal_secret(given, mac, sizeof(mac)))
        err = phi_error_set(error, PHI_ERR_SIGNATURE, HEADER_MAC, "does not verify");
out:
    return err;
}
