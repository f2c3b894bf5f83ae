/* The trust list on its way out: published until the broker has it and again every minute, signed
 * again when the operators' file changes or its time is up. */
#include "svc-platform/members/members.h"

#include "auth/record.h"
#include "base/log.h"
#include "bus/sending.h"

#include <sys/stat.h>
#include <time.h>

#define LIST_ARENA (16 * 1024 * 1024)
#define SEND_MS    5000
#define SENT_MS    40000 /* the producer has told by then */
#define LOOK_MS    500
#define REPEAT_MS  60000 /* published again: a broker made anew gets its list back */

static enum phi_err send_and_wait(struct phi_producer *producer, const struct phi_event *event)
{
    enum phi_err err = PHI_OK;
    struct phi_sending *sending = phi_sending_new();
    PHI_GUARD(sending == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_sending_add(sending, producer, event));
    PHI_GUARD(phi_sending_wait(sending, phi_deadline_in_ms(SENT_MS)));
out:
    phi_sending_drop(sending);
    return err;
}

static enum phi_err publish_rows(struct platform *platform, const struct phi_rows *rows,
                                 struct phi_arena *arena)
{
    enum phi_err err = PHI_OK;
    struct phi_service *service = platform->service;
    const struct phi_record record = {.key = phi_view_text(PHI_TRUST_KEY),
                                      .version = (uint64_t)phi_rows_i64(rows, 0, 0),
                                      .value = phi_rows_bytes(rows, 0, 1),
                                      .key_serial = phi_view_text(phi_rows_text(rows, 0, 2)),
                                      .signature = phi_view_text(phi_rows_text(rows, 0, 3))};
    struct phi_event event;
    PHI_GUARD(
        phi_record_event(PHI_TRUST_TOPIC, &record, phi_service_source(service), arena, &event));
    PHI_GUARD(send_and_wait(phi_service_producer(service), &event));
out:
    return err;
}

/* The newest list goes out when it is another one than went out last, or when that is long ago. */
static enum phi_err publish(struct platform *platform, bool is_due)
{
    enum phi_err err = PHI_OK;
    struct phi_conn *conn = NULL;
    struct phi_rows *rows = NULL;
    struct phi_error error = {0};
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_store_acquire(phi_service_store(platform->service), phi_deadline_in_ms(SEND_MS),
                                &conn));
    PHI_GUARD(phi_conn_exec(conn, "trust_publish",
                            "SELECT version, value, key_serial, signature FROM trust_lists "
                            "WHERE version > $1 ORDER BY version DESC LIMIT 1",
                            (struct phi_param[]){PHI_I64(is_due ? 0 : platform->published)}, 1,
                            &rows, &error));
    if (phi_rows_count(rows) == 0)
        goto out;
    platform_trust_tell(platform, phi_rows_i64(rows, 0, 0));
    PHI_GUARD(publish_rows(platform, rows, arena));
    platform->published = phi_rows_i64(rows, 0, 0);
out:
    phi_rows_free(rows);
    phi_store_release(conn);
    phi_arena_free(arena);
    return err;
}

/* Whether the operators' file is another than at the last look. */
static bool is_changed(struct platform *platform)
{
    struct stat now;
    const char *path = phi_config_text(phi_service_config(platform->service), "PHI_PLATFORMS_FILE");
    if (stat(path, &now) != 0)
        return false;
    struct platform_file seen = {.inode = now.st_ino, .size = now.st_size, .changed = now.st_ctim};
    bool is_same = seen.inode == platform->file.inode && seen.size == platform->file.size &&
                   seen.changed.tv_sec == platform->file.changed.tv_sec &&
                   seen.changed.tv_nsec == platform->file.changed.tv_nsec;
    platform->file = seen;
    return !is_same;
}

/* Whether a member changed, here or in another replica. */
static bool is_member_new(struct platform *platform)
{
    struct phi_error error = {0};
    struct phi_conn *conn = NULL;
    int64_t now = 0;
    bool is_told = atomic_exchange(&platform->is_member_changed, false);
    if (phi_store_acquire(phi_service_store(platform->service), phi_deadline_in_ms(SEND_MS),
                          &conn) != PHI_OK)
        return is_told;
    bool is_new = member_changed(conn, &now, &error) == PHI_OK && now != platform->members_seen;
    if (is_new)
        platform->members_seen = now;
    phi_store_release(conn);
    return is_new || is_told;
}

/* A file that can't be read leaves the list as it is, and is said. */
static void sign(struct platform *platform)
{
    struct phi_error error = {0};
    bool is_new = is_member_new(platform);
    is_new = is_changed(platform) || platform->is_sign_owed || is_new;
    bool is_old = phi_clock_now_us(NULL) - platform->published >= platform->trust_renew_us;
    if (!is_new && (platform->published == 0 || !is_old))
        return;
    enum phi_err err = platform_trust_sign(platform, !is_new, &error);
    platform->is_sign_owed = is_new && err == PHI_ERR_STORE;
    if (err != PHI_OK)
        phi_log(PHI_LOG_ERROR, "trust_list_kept", PHI_L_DETAIL(&error));
}

static void *publish_run(void *context)
{
    struct platform *platform = context;
    const struct timespec tick = {.tv_nsec = 100 * 1000000L};
    struct phi_deadline look = phi_deadline_in_ms(0);
    struct phi_deadline repeat = phi_deadline_in_ms(0);
    while (!atomic_load(&platform->stopping)) {
        if (phi_deadline_is_past(look)) {
            bool is_due = phi_deadline_is_past(repeat);
            sign(platform);
            enum phi_err err = publish(platform, is_due);
            if (err != PHI_OK)
                phi_log(PHI_LOG_WARN, "trust_list_unpublished", PHI_L_ERR(err));
            if (err == PHI_OK && is_due)
                repeat = phi_deadline_in_ms(REPEAT_MS);
            look = phi_deadline_in_ms(LOOK_MS);
        }
        nanosleep(&tick, NULL);
    }
    return NULL;
}

enum phi_err platform_trust_start(struct platform *platform)
{
    if (pthread_create(&platform->publisher, NULL, publish_run, platform) != 0)
        return PHI_ERR_MEMORY;
    platform->has_publisher = true;
    return PHI_OK;
}

void platform_trust_stop(struct platform *platform)
{
    atomic_store(&platform->stopping, true);
    platform_trust_tell(platform, 0);
    if (platform->has_publisher)
        pthread_join(platform->publisher, NULL);
    platform->has_publisher = false;
}
