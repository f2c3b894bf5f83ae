/* Members in the trust list: what is registered here stands before what the operators' file says of
 * the same platform. */
#include "svc-platform/members/members.h"

#include <string.h>

static json_t *time_json(int64_t at_us)
{
    char text[PHI_RFC3339_MAX];
    phi_rfc3339_format(at_us, text);
    return json_string(text);
}

static json_t *key_json(const struct phi_rows *rows, size_t i)
{
    char public[2 * PHI_SM2_PUBLIC_LEN + 1];
    phi_hex_encode(phi_rows_bytes(rows, i, 4), public);
    json_t *key =
        json_pack("{s:s, s:s, s:s, s:o, s:o}", "use", phi_rows_text(rows, i, 1), "serial",
                  phi_rows_text(rows, i, 3), "public", public, "from",
                  time_json(phi_rows_i64(rows, i, 5)), "to", time_json(phi_rows_i64(rows, i, 6)));
    if (key != NULL && strcmp(phi_rows_text(rows, i, 1), "code") == 0)
        json_object_set_new(key, "keySetId", json_integer(phi_rows_i64(rows, i, 2)));
    if (key != NULL && phi_rows_text(rows, i, 7)[0] != '\0')
        json_object_set_new(key, "service", json_string(phi_rows_text(rows, i, 7)));
    return key;
}

/* Keys whose time is over are left out a while after: a list has a bound. */
static json_t *keys_json(const struct phi_rows *rows, const char *region)
{
    json_t *keys = json_array();
    for (size_t i = 0; i < phi_rows_count(rows); i++)
        if (strcmp(phi_rows_text(rows, i, 0), region) == 0)
            json_array_append_new(keys, key_json(rows, i));
    return keys;
}

static json_t *platform_json(const struct phi_rows *members, size_t i, const struct phi_rows *keys)
{
    const char *region = phi_rows_text(members, i, 0);
    bool is_active = strcmp(phi_rows_text(members, i, 1), "active") == 0;
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "id", region, "name",
                     phi_rows_text(members, i, 2), "status", is_active ? "active" : "suspended",
                     "keys", keys_json(keys, region), "endpoints",
                     json_loads(phi_rows_text(members, i, 3), 0, NULL));
}

static void drop(json_t *platforms, const char *region)
{
    for (size_t i = json_array_size(platforms); i > 0; i--) {
        const char *id = json_string_value(json_object_get(json_array_get(platforms, i - 1), "id"));
        if (id != NULL && strcmp(id, region) == 0)
            json_array_remove(platforms, i - 1);
    }
}

static enum phi_err insert(json_t *platforms, const char *region, json_t *platform)
{
    size_t at = 0;
    if (platform == NULL)
        return PHI_ERR_MEMORY;
    for (; at < json_array_size(platforms); at++) {
        const char *id = json_string_value(json_object_get(json_array_get(platforms, at), "id"));
        if (id == NULL || strcmp(id, region) > 0)
            break;
    }
    return json_array_insert_new(platforms, at, platform) == 0 ? PHI_OK : PHI_ERR_MEMORY;
}

enum phi_err member_list_into(struct phi_conn *conn, json_t *platforms, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *members = NULL, *keys = NULL;
    const struct phi_param params[] = {PHI_I64(phi_clock_now_us(NULL))};
    PHI_GUARD(phi_conn_exec(conn, "member_listed",
                            "SELECT region, state, name, endpoints FROM members WHERE state IN "
                            "('active', 'suspended', 'retired') ORDER BY region",
                            NULL, 0, &members, error));
    PHI_GUARD(
        phi_conn_exec(conn, "member_listed_keys",
                      "SELECT region, use, key_set, serial, public, from_us, to_us, service FROM "
                      "member_keys WHERE to_us + 86400000000 * 90 > $1 ORDER BY region, use, "
                      "from_us, serial",
                      params, 1, &keys, error));
    for (size_t i = 0; i < phi_rows_count(members); i++) {
        const char *region = phi_rows_text(members, i, 0);
        drop(platforms, region);
        PHI_GUARD(insert(platforms, region, platform_json(members, i, keys)));
    }
out:
    phi_rows_free(members);
    phi_rows_free(keys);
    return err;
}

enum phi_err member_changed(struct phi_conn *conn, int64_t *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_rows *rows = NULL;
    PHI_GUARD(phi_conn_exec(conn, "member_changed",
                            "SELECT coalesce(max(changed_us), 0) + coalesce(sum(round), 0)::bigint "
                            "FROM members",
                            NULL, 0, &rows, error));
    *out = phi_rows_i64(rows, 0, 0);
out:
    phi_rows_free(rows);
    return err;
}
