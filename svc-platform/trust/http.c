/* GET /v1/trust-list: the newest list, at once or once there is one newer than the caller has. */
#include "svc-platform/platform.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define WAIT_MAX_S 30
#define WAITERS    4   /* of the workers, who have more to do */
#define RESERVE_MS 500 /* of the answer's own deadline */

static json_t *trust_data(const struct phi_rows *rows)
{
    char version[24];
    struct phi_view value = phi_rows_bytes(rows, 0, 1);
    snprintf(version, sizeof(version), "%lld", (long long)phi_rows_i64(rows, 0, 0));
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s%}", "topic", PHI_TRUST_TOPIC, "key",
                     PHI_TRUST_KEY, "version", version, "keySerial", phi_rows_text(rows, 0, 2),
                     "signature", phi_rows_text(rows, 0, 3), "value", (const char *)value.data,
                     value.len);
}

void platform_trust_tell(struct platform *platform, int64_t version)
{
    pthread_mutex_lock(&platform->trust_lock);
    if (version > platform->trust_version)
        platform->trust_version = version;
    pthread_cond_broadcast(&platform->trust_news);
    pthread_mutex_unlock(&platform->trust_lock);
}

static struct timespec wall_of(struct phi_deadline until)
{
    struct timespec wall;
    int64_t left_us = phi_deadline_left_ms(until) * 1000;
    clock_gettime(CLOCK_MONOTONIC, &wall);
    int64_t at_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000 + left_us;
    return (struct timespec){.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
}

/* A worker waits for each caller, so only so many wait; the others are answered as things are. */
static void await_news(struct platform *platform, int64_t after, struct phi_deadline until)
{
    const struct timespec wall = wall_of(until);
    pthread_mutex_lock(&platform->trust_lock);
    if (platform->trust_waiters < WAITERS) {
        platform->trust_waiters++;
        while (platform->trust_version <= after && !atomic_load(&platform->stopping))
            if (pthread_cond_timedwait(&platform->trust_news, &platform->trust_lock, &wall) != 0)
                break;
        platform->trust_waiters--;
    }
    pthread_mutex_unlock(&platform->trust_lock);
}

static enum phi_err read_number(struct phi_api_call *call, const char *name, int64_t max,
                                int64_t *out, struct phi_error *error)
{
    const char *given = phi_http_query(phi_api_request(call), name);
    *out = 0;
    if (given != NULL && phi_text_to_i64(phi_view_text(given), 0, max, out) != PHI_OK)
        return phi_error_set(error, PHI_ERR_QUERY, name, "not a number from 0 to %" PRId64, max);
    return PHI_OK;
}

static enum phi_err wait_as_asked(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t after = 0;
    int64_t wait_s = 0;
    PHI_GUARD(read_number(call, "after", INT64_MAX, &after, error));
    PHI_GUARD(read_number(call, "wait", WAIT_MAX_S, &wait_s, error));
    if (wait_s == 0 || after == 0)
        return PHI_OK;
    struct phi_deadline last = phi_api_deadline(call);
    last.at_us -= RESERVE_MS * 1000;
    await_news(phi_service_state(phi_api_service(call)), after,
               phi_deadline_min(phi_deadline_in_ms(wait_s * 1000), last));
out:
    return err;
}

static enum phi_err answer(struct phi_api_call *call, const struct phi_rows *rows)
{
    char etag[32];
    snprintf(etag, sizeof(etag), "\"%" PRId64 "\"", phi_rows_i64(rows, 0, 0));
    phi_api_data(call, trust_data(rows));
    return phi_api_etag(call, etag);
}

enum phi_err platform_trust_http(struct phi_api_call *call, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    PHI_GUARD(wait_as_asked(call, error));
    PHI_GUARD(
        phi_store_acquire(phi_service_store(phi_api_service(call)), phi_api_deadline(call), &conn));
    PHI_GUARD(phi_conn_exec(conn, "trust_http",
                            "SELECT version, value, key_serial, signature FROM trust_lists "
                            "ORDER BY version DESC LIMIT 1",
                            NULL, 0, &rows, error));
    if (phi_rows_count(rows) == 1)
        PHI_GUARD(answer(call, rows));
    else
        err = phi_error_set(error, PHI_ERR_NOT_FOUND, "trust-list", "none was signed yet");
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    return err;
}
