#include "auth/signature.h"

#include "base/mutant.h"
#include "base/text.h"
#include "crypto/key.h"
#include "crypto/random.h"
#include "crypto/sm3.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMESTAMP_MAX 12
#define PARTS_MAX     10
#define BATCH_ROWS    64

/* Parsing the header */

enum parameter { P_APP_ID, P_KEY_SERIAL, P_TIMESTAMP, P_NONCE, P_SIGNATURE, P_COUNT };

static const char *const parameter_names[P_COUNT] = {"app_id", "key_serial", "timestamp", "nonce",
                                                     "signature"};

static void skip_blanks(struct phi_view *in)
{
    while (in->len > 0 && (in->data[0] == ' ' || in->data[0] == '\t')) {
        in->data++;
        in->len--;
    }
}

static void advance(struct phi_view *in, size_t len)
{
    in->data += len;
    in->len -= len;
}

static bool starts_with(struct phi_view in, const char *word, size_t len)
{
    return in.len >= len && memcmp(in.data, word, len) == 0;
}

/* The length of a parameter's name at `in` that is followed by `="`, and which it is. */
static enum parameter parameter_at(struct phi_view in)
{
    for (int i = 0; i < P_COUNT; i++) {
        size_t len = strlen(parameter_names[i]);
        if (starts_with(in, parameter_names[i], len) && in.len > len + 1 && in.data[len] == '=' &&
            in.data[len + 1] == '"')
            return (enum parameter)i;
    }
    return P_COUNT;
}

/* One `name="value"`: the value ends at the next quote; there are no escapes. */
static enum phi_err take_parameter(struct phi_view *in, struct phi_view values[P_COUNT],
                                   struct phi_error *error)
{
    enum parameter which = parameter_at(*in);
    if (which == P_COUNT)
        return phi_error_set(error, PHI_ERR_HEADER, "Authorization", "not a known parameter");
    const char *name = parameter_names[which];
    if (values[which].data != NULL)
        return phi_error_set(error, PHI_ERR_HEADER, name, "given twice");
    advance(in, strlen(name) + 2);
    const uint8_t *quote = in->len > 0 ? memchr(in->data, '"', in->len) : NULL;
    if (quote == NULL)
        return phi_error_set(error, PHI_ERR_HEADER, name, "no closing quote");
    values[which] = phi_view_of(in->data, (size_t)(quote - in->data));
    advance(in, values[which].len + 1);
    return PHI_OK;
}

static enum phi_err split_parameters(struct phi_view in, struct phi_view values[P_COUNT],
                                     struct phi_error *error)
{
    for (int i = 0; i < P_COUNT; i++) {
        skip_blanks(&in);
        enum phi_err err = take_parameter(&in, values, error);
        if (err != PHI_OK)
            return err;
        skip_blanks(&in);
        if (i == P_COUNT - 1)
            break;
        if (in.len == 0 || in.data[0] != ',')
            return phi_error_set(error, PHI_ERR_HEADER, "Authorization", "a parameter is missing");
        advance(&in, 1);
    }
    if (in.len != 0)
        return phi_error_set(error, PHI_ERR_HEADER, "Authorization",
                             "something after the parameters");
    return PHI_OK;
}

static bool is_lower_hex(struct phi_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

static void copy_text(char *out, struct phi_view text)
{
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
}

static bool is_nonce(struct phi_view text)
{
    return text.len >= PHI_NONCE_MIN && text.len <= PHI_NONCE_MAX && phi_text_is_alnum(text);
}

static enum phi_err take_timestamp(struct phi_view text, struct phi_authorization *out)
{
    if (text.len == 0 || text.len > TIMESTAMP_MAX || !phi_text_is_digits(text) ||
        (text.len > 1 && text.data[0] == '0'))
        return PHI_ERR_HEADER;
    if (phi_text_to_i64(text, 0, INT64_MAX, &out->timestamp_s) != PHI_OK)
        return PHI_ERR_HEADER;
    copy_text(out->timestamp, text);
    return PHI_OK;
}

static bool decode_signature(struct phi_view text, uint8_t out[PHI_SM2_SIG_LEN])
{
    size_t len = 0;
    return text.len == PHI_SIGNATURE_BASE64_LEN &&
           phi_base64_decode(text, out, PHI_SM2_SIG_LEN, &len) == PHI_OK && len == PHI_SM2_SIG_LEN;
}

static enum phi_err check_values(const struct phi_view values[P_COUNT],
                                 struct phi_authorization *out, struct phi_error *error)
{
    if (!phi_text_is_word(values[P_APP_ID], PHI_APP_ID_MAX))
        return phi_error_set(error, PHI_ERR_HEADER, "app_id", "not a word of 1..32 characters");
    if (values[P_KEY_SERIAL].len != PHI_KEY_SERIAL_LEN || !is_lower_hex(values[P_KEY_SERIAL]))
        return phi_error_set(error, PHI_ERR_HEADER, "key_serial", "not 16 lower-case hex digits");
    if (take_timestamp(values[P_TIMESTAMP], out) != PHI_OK)
        return phi_error_set(error, PHI_ERR_HEADER, "timestamp", "not seconds since 1970");
    if (!is_nonce(values[P_NONCE]))
        return phi_error_set(error, PHI_ERR_HEADER, "nonce", "not 16..32 letters or digits");
    if (!decode_signature(values[P_SIGNATURE], out->signature))
        return phi_error_set(error, PHI_ERR_HEADER, "signature", "not base64 of 64 bytes");
    copy_text(out->app_id, values[P_APP_ID]);
    copy_text(out->key_serial, values[P_KEY_SERIAL]);
    copy_text(out->nonce, values[P_NONCE]);
    return PHI_OK;
}

enum phi_err phi_authorization_parse(struct phi_view header, struct phi_authorization *out,
                                     struct phi_error *error)
{
    static const size_t scheme_len = sizeof(PHI_SIGNATURE_SCHEME) - 1;
    struct phi_view values[P_COUNT] = {{NULL, 0}};
    struct phi_authorization parsed = {.timestamp_s = 0};
    if (!starts_with(header, PHI_SIGNATURE_SCHEME, scheme_len) ||
        (header.len > scheme_len && header.data[scheme_len] != ' '))
        return phi_error_set(error, PHI_ERR_UNSIGNED, "Authorization", "not of the scheme %s",
                             PHI_SIGNATURE_SCHEME);
    if (header.len > PHI_AUTHORIZATION_MAX)
        return phi_error_set(error, PHI_ERR_HEADER, "Authorization", "longer than %d bytes",
                             PHI_AUTHORIZATION_MAX);
    advance(&header, scheme_len);
    enum phi_err err = split_parameters(header, values, error);
    if (err == PHI_OK)
        err = check_values(values, &parsed, error);
    if (err == PHI_OK)
        *out = parsed;
    return err;
}

/* The canonical strings */

static size_t request_parts(const struct phi_signature_request *request, const char *timestamp,
                            const char *nonce, struct phi_view parts[PARTS_MAX])
{
    const struct phi_view line_feed = phi_view_text("\n");
    const struct phi_view lines[] = {phi_view_text(request->method), phi_view_text(request->target),
                                     phi_view_text(timestamp), phi_view_text(nonce), request->body};
    for (size_t i = 0; i < 5; i++) {
        parts[2 * i] = lines[i];
        parts[2 * i + 1] = line_feed;
    }
    return 10;
}

static size_t answer_parts(const char *status, const char *timestamp, const char *nonce,
                           struct phi_view body, struct phi_view parts[PARTS_MAX])
{
    const struct phi_view line_feed = phi_view_text("\n");
    const struct phi_view lines[] = {phi_view_text(status), phi_view_text(timestamp),
                                     phi_view_text(nonce), body};
    for (size_t i = 0; i < 4; i++) {
        parts[2 * i] = lines[i];
        parts[2 * i + 1] = line_feed;
    }
    return 8;
}

/* The signing interface takes one run of bytes. */
static enum phi_err join(const struct phi_view *parts, size_t count, uint8_t **out, size_t *out_len)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    uint8_t *joined = malloc(len + 1);
    if (joined == NULL)
        return PHI_ERR_MEMORY;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(joined + at, parts[i].data, parts[i].len);
        at += parts[i].len;
    }
    *out = joined;
    *out_len = len;
    return PHI_OK;
}

/* Wiped, as bodies hold personal data. */
static void drop_joined(uint8_t *joined, size_t len)
{
    phi_wipe(joined, len);
    free(joined);
}

static enum phi_err sign_parts(const struct phi_sm2_private *key, const struct phi_view *parts,
                               size_t count, char out[PHI_SIGNATURE_BASE64_LEN + 1])
{
    uint8_t raw[PHI_SM2_SIG_LEN];
    uint8_t *joined = NULL;
    size_t len = 0;
    enum phi_err err = join(parts, count, &joined, &len);
    if (err != PHI_OK)
        return err;
    err = phi_sm2_sign(key, phi_view_of(joined, len), raw);
    drop_joined(joined, len);
    if (err == PHI_OK)
        phi_base64_encode(phi_view_of(raw, sizeof(raw)), out);
    return err;
}

static enum phi_err verify_parts(const struct phi_sm2_public *key, const struct phi_view *parts,
                                 size_t count, const uint8_t signature[PHI_SM2_SIG_LEN])
{
    uint8_t *joined = NULL;
    size_t len = 0;
    enum phi_err err = join(parts, count, &joined, &len);
    if (err != PHI_OK)
        return err;
    err = phi_sm2_verify(key, phi_view_of(joined, len), signature);
    drop_joined(joined, len);
    return err;
}

/* Requests */

static bool is_in_window(int64_t timestamp_s, int64_t now_us)
{
    int64_t off_s = timestamp_s - now_us / 1000000;
    int64_t window_s = PHI_SIGNATURE_WINDOW_S + (PHI_MUTANT(window_wide) ? 20 : 0);
    return PHI_MUTANT(any_timestamp) || (off_s >= -window_s && off_s <= window_s);
}

/* All but the signature: the header's form, who says to have signed, and when. NULL with `result`
 * and `error`. */
static const struct phi_registry_key *find_key(struct phi_signature_check *check,
                                               struct phi_signature_caller *out)
{
    struct phi_authorization *given = &out->authorization;
    struct phi_error *error = &check->error;
    check->result = phi_authorization_parse(check->request.header, given, error);
    if (check->result != PHI_OK)
        return NULL;
    out->app = phi_registry_app(check->view, given->app_id);
    if (out->app == NULL) {
        check->result = phi_error_set(error, PHI_ERR_APP_UNKNOWN, "app_id", "not registered here");
        return NULL;
    }
    const struct phi_registry_key *key =
        phi_registry_app_key(out->app, given->key_serial, check->now_us);
    if (key == NULL)
        check->result =
            phi_error_set(error, PHI_ERR_APP_UNKNOWN, "key_serial", "no key of the app in force");
    else if (!is_in_window(given->timestamp_s, check->now_us))
        check->result = phi_error_set(error, PHI_ERR_TIMESTAMP, "timestamp", "more than %d s off",
                                      PHI_SIGNATURE_WINDOW_S);
    return check->result == PHI_OK ? key : NULL;
}

static enum phi_err judge(enum phi_err verified, const struct phi_signature_caller *found,
                          struct phi_signature_caller *out, struct phi_error *error)
{
    if (verified != PHI_OK && !PHI_MUTANT(forged_request_taken))
        return phi_error_set(error, verified, "signature", "does not verify");
    *out = *found;
    if (found->app->suspended && !PHI_MUTANT(suspended_app_taken))
        return phi_error_set(error, PHI_ERR_APP_SUSPENDED, "app_id", "suspended");
    return PHI_OK;
}

struct verify_row {
    struct phi_signature_check *check;
    struct phi_signature_caller found;
    uint8_t *joined;
};

/* False with the check's result. */
static bool begin_check(struct verify_row *row, struct phi_sm2_job *job)
{
    struct phi_view parts[PARTS_MAX];
    struct phi_signature_check *check = row->check;
    const struct phi_authorization *given = &row->found.authorization;
    size_t len = 0;
    const struct phi_registry_key *key = find_key(check, &row->found);
    if (key == NULL)
        return false;
    size_t count = request_parts(&check->request, given->timestamp, given->nonce, parts);
    check->result = join(parts, count, &row->joined, &len);
    if (check->result != PHI_OK)
        return false;
    job->public_key = key->public_key;
    job->message = phi_view_of(row->joined, len);
    memcpy(job->sig, given->signature, PHI_SM2_SIG_LEN);
    return true;
}

static void verify_rows(struct phi_signature_check *checks, size_t count)
{
    struct phi_sm2_job jobs[BATCH_ROWS];
    struct verify_row rows[BATCH_ROWS];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        rows[ready] = (struct verify_row){.check = &checks[i]};
        checks[i].caller = (struct phi_signature_caller){.app = NULL};
        checks[i].error = (struct phi_error){.code = PHI_OK};
        if (begin_check(&rows[ready], &jobs[ready]))
            ready++;
    }
    phi_sm2_verify_batch(jobs, ready);
    for (size_t i = 0; i < ready; i++) {
        struct phi_signature_check *check = rows[i].check;
        check->result = judge(jobs[i].result, &rows[i].found, &check->caller, &check->error);
        drop_joined(rows[i].joined, jobs[i].message.len);
    }
}

void phi_signature_verify_batch(struct phi_signature_check *checks, size_t count)
{
    for (size_t done = 0; done < count; done += BATCH_ROWS)
        verify_rows(checks + done, count - done < BATCH_ROWS ? count - done : BATCH_ROWS);
}

enum phi_err phi_signature_verify(const struct phi_registry_view *view,
                                  const struct phi_signature_request *request, int64_t now_us,
                                  struct phi_signature_caller *out, struct phi_error *error)
{
    struct phi_signature_check check = {.view = view, .request = *request, .now_us = now_us};
    phi_signature_verify_batch(&check, 1);
    if (check.caller.app != NULL)
        *out = check.caller;
    if (check.result != PHI_OK && error != NULL)
        *error = check.error;
    return check.result;
}

enum phi_err phi_signature_digest(const struct phi_signature_request *request,
                                  const struct phi_authorization *authorization, uint8_t out[32])
{
    struct phi_view parts[PARTS_MAX];
    size_t count = request_parts(request, authorization->timestamp, authorization->nonce, parts);
    return phi_sm3_parts(parts, count, out);
}

/* Letters and digits, each of the 62 as likely as the others. */
static enum phi_err make_nonce(char out[PHI_NONCE_MAX + 1])
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t made = 0;
    while (made < PHI_NONCE_MAX) {
        uint8_t random[PHI_NONCE_MAX];
        enum phi_err err = phi_random_bytes(random, sizeof(random));
        if (err != PHI_OK)
            return err;
        for (size_t i = 0; i < sizeof(random) && made < PHI_NONCE_MAX; i++) {
            if (random[i] < 4 * 62)
                out[made++] = letters[random[i] % 62];
        }
    }
    out[made] = '\0';
    return PHI_OK;
}

enum phi_err phi_authorization_make(const struct phi_sm2_private *key, const char *app_id,
                                    const char *method, const char *target, struct phi_view body,
                                    int64_t now_us, struct phi_authorization_made *out)
{
    enum phi_err err = PHI_OK;
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    char serial[PHI_KEY_ID_LEN + 1];
    char timestamp[24];
    char signature[PHI_SIGNATURE_BASE64_LEN + 1];
    struct phi_view parts[PARTS_MAX];
    const struct phi_signature_request request = {.method = method, .target = target, .body = body};
    if (!phi_text_is_word(phi_view_text(app_id), PHI_APP_ID_MAX))
        return PHI_ERR_HEADER;
    phi_sm2_private_public(key, xy);
    PHI_GUARD(phi_key_id_of(xy, serial));
    PHI_GUARD(make_nonce(out->nonce));
    (void)snprintf(timestamp, sizeof(timestamp), "%" PRId64, now_us / 1000000);
    size_t count = request_parts(&request, timestamp, out->nonce, parts);
    PHI_GUARD(sign_parts(key, parts, count, signature));
    (void)snprintf(out->header, sizeof(out->header),
                   PHI_SIGNATURE_SCHEME " app_id=\"%s\",key_serial=\"%s\",timestamp=\"%s\","
                                        "nonce=\"%s\",signature=\"%s\"",
                   app_id, serial, timestamp, out->nonce, signature);
out:
    return err;
}

/* Answers */

/* The headers but the signature, and what is to be signed. */
static enum phi_err begin_answer(const char *key_serial, struct phi_signature_reply *reply,
                                 uint8_t **joined, size_t *len)
{
    char status_text[12];
    struct phi_view parts[PARTS_MAX];
    struct phi_answer_signature *out = &reply->signature;
    int status = PHI_MUTANT(answer_status_unsigned) ? 200 : reply->status;
    (void)snprintf(status_text, sizeof(status_text), "%d", status);
    (void)snprintf(out->timestamp, sizeof(out->timestamp), "%" PRId64, reply->now_us / 1000000);
    (void)snprintf(out->nonce, sizeof(out->nonce), "%s", reply->nonce);
    (void)snprintf(out->key_serial, sizeof(out->key_serial), "%s", key_serial);
    size_t count = answer_parts(status_text, out->timestamp, out->nonce, reply->body, parts);
    return join(parts, count, joined, len);
}

static void answer_rows(const struct phi_sm2_private *key, const char *key_serial,
                        struct phi_signature_reply *replies, size_t count)
{
    struct phi_sm2_job jobs[BATCH_ROWS];
    uint8_t *joined[BATCH_ROWS];
    size_t row_of[BATCH_ROWS];
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        size_t len = 0;
        replies[i].result = begin_answer(key_serial, &replies[i], &joined[ready], &len);
        if (replies[i].result != PHI_OK)
            continue;
        jobs[ready].private_key = key;
        jobs[ready].message = phi_view_of(joined[ready], len);
        row_of[ready++] = i;
    }
    phi_sm2_sign_batch(jobs, ready);
    for (size_t i = 0; i < ready; i++) {
        struct phi_signature_reply *reply = &replies[row_of[i]];
        reply->result = jobs[i].result;
        if (jobs[i].result == PHI_OK)
            phi_base64_encode(phi_view_of(jobs[i].sig, PHI_SM2_SIG_LEN),
                              reply->signature.signature);
        drop_joined(joined[i], jobs[i].message.len);
    }
}

void phi_signature_answer_batch(const struct phi_sm2_private *key, const char *key_serial,
                                struct phi_signature_reply *replies, size_t count)
{
    for (size_t done = 0; done < count; done += BATCH_ROWS)
        answer_rows(key, key_serial, replies + done,
                    count - done < BATCH_ROWS ? count - done : BATCH_ROWS);
}

enum phi_err phi_signature_answer(const struct phi_sm2_private *key, const char *key_serial,
                                  int status, int64_t now_us, const char *nonce,
                                  struct phi_view body, struct phi_answer_signature *out)
{
    struct phi_signature_reply reply = {
        .status = status, .now_us = now_us, .nonce = nonce, .body = body};
    phi_signature_answer_batch(key, key_serial, &reply, 1);
    if (reply.result == PHI_OK)
        *out = reply.signature;
    return reply.result;
}

static enum phi_err check_answer_headers(const char *timestamp, const char *nonce,
                                         const char *signature, const char *sent_nonce,
                                         uint8_t raw[PHI_SM2_SIG_LEN], struct phi_error *error)
{
    if (timestamp == NULL || strlen(timestamp) > TIMESTAMP_MAX ||
        !phi_text_is_digits(phi_view_text(timestamp)))
        return phi_error_set(error, PHI_ERR_HEADER, "Phi-Timestamp", "missing or malformed");
    if (nonce == NULL || strcmp(nonce, sent_nonce) != 0)
        return phi_error_set(error, PHI_ERR_HEADER, "Phi-Nonce", "missing or not the request's");
    if (signature == NULL || !decode_signature(phi_view_text(signature), raw))
        return phi_error_set(error, PHI_ERR_HEADER, "Phi-Signature", "missing or malformed");
    return PHI_OK;
}

enum phi_err phi_signature_check_answer(const struct phi_sm2_public *key, int status,
                                        const char *timestamp, const char *nonce,
                                        const char *signature, const char *sent_nonce,
                                        int64_t now_us, struct phi_view body,
                                        struct phi_error *error)
{
    uint8_t raw[PHI_SM2_SIG_LEN];
    char status_text[12];
    int64_t timestamp_s = 0;
    struct phi_view parts[PARTS_MAX];
    enum phi_err err = check_answer_headers(timestamp, nonce, signature, sent_nonce, raw, error);
    if (err != PHI_OK)
        return err;
    if (phi_text_to_i64(phi_view_text(timestamp), 0, INT64_MAX, &timestamp_s) != PHI_OK ||
        !is_in_window(timestamp_s, now_us))
        return phi_error_set(error, PHI_ERR_TIMESTAMP, "Phi-Timestamp", "more than %d s off",
                             PHI_SIGNATURE_WINDOW_S);
    (void)snprintf(status_text, sizeof(status_text), "%d", status);
    size_t count = answer_parts(status_text, timestamp, nonce, body, parts);
    err = verify_parts(key, parts, count, raw);
    if (err != PHI_OK)
        return phi_error_set(error, err, "Phi-Signature", "does not verify");
    return PHI_OK;
}
