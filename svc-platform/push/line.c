/* {"key","keySerial","signature","value","version"}: a record with its headers, as text. */
#include "svc-platform/push/push.h"

#include "codes/subject.h"

#define VALUE_MAX 4096

static void add_header(struct phi_msg *msg, const char *name, const char *value)
{
    msg->headers[msg->header_count].name = name;
    msg->headers[msg->header_count++].value = phi_view_text(value);
}

enum phi_err push_line_read(struct phi_view line, const char *topic, struct phi_arena *arena,
                            struct phi_msg *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    static const char *const members[] = {"key", "keySerial", "signature", "value", "version"};
    struct phi_json_at root;
    const char *serial = NULL, *signature = NULL, *value = NULL, *version = NULL;
    uint8_t *key = phi_arena_alloc(arena, PHI_SUBJECT_LEN);
    PHI_GUARD(key == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_json_read(line, 2, arena, &root, error));
    PHI_GUARD(phi_json_only(&root, members, sizeof(members) / sizeof(members[0]), error));
    PHI_GUARD(phi_json_hex(&root, "key", key, PHI_SUBJECT_LEN, error));
    PHI_GUARD(phi_json_word(&root, "keySerial", 16, &serial, error));
    PHI_GUARD(phi_json_text(&root, "signature", 88, 88, &signature, error));
    PHI_GUARD(phi_json_text(&root, "value", 2, VALUE_MAX, &value, error));
    PHI_GUARD(phi_json_word(&root, "version", 20, &version, error));
    *out = (struct phi_msg){.topic = topic,
                            .partition = -1,
                            .time_ms = -1,
                            .key = phi_view_of(key, PHI_SUBJECT_LEN),
                            .value = phi_view_text(value)};
    add_header(out, "phi-key", serial);
    add_header(out, "phi-version", version);
    add_header(out, "phi-signature", signature);
out:
    return err;
}
