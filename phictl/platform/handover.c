/* phictl platform hand-over, bus: parcels to a platform, users to the operator of the bus. */
#include "phictl/platform/platform.h"

#include "crypto/envelope.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARCEL_MAX 8192

/* An officer's side: a parcel of key distribute --to, for the platform to fetch. */
static int put(const struct ctl_args *args)
{
    char path[64];
    uint8_t *text = NULL;
    size_t len = 0;
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = ctl_read_all(ctl_get(args, "parcel"), PARCEL_MAX, &text, &len, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    snprintf(path, sizeof(path), "/v1/platforms/%.6s/parcels", ctl_get(args, "region"));
    int status =
        platform_send(args, "POST", path, json_pack("{s:s%}", "parcel", (const char *)text, len));
    free(text);
    return status;
}

static enum phi_err open_bus(const struct ctl_args *args, const char *sealed, char *out,
                             size_t size, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    uint8_t bytes[PHI_ENVELOPE_MAX], plain[PHI_ENVELOPE_PLAIN_MAX];
    size_t len = 0, plain_len = 0;
    struct phi_sm2_private *key = NULL;
    if (!ctl_has(args, "unseal-key"))
        return phi_error_set(error, PHI_ERR_FIELD_MISSING, "--unseal-key",
                             "the platform's encryption key opens it");
    PHI_GUARD(ctl_read_key(args, "unseal-key", &key, error));
    PHI_GUARD(phi_base64_decode(phi_view_text(sealed), bytes, sizeof(bytes), &len));
    PHI_GUARD(phi_envelope_open(key, phi_view_of(bytes, len), plain, sizeof(plain), &plain_len));
    PHI_GUARD(plain_len < size ? PHI_OK : PHI_ERR_INTERNAL);
    memcpy(out, plain, plain_len);
    out[plain_len] = '\0';
out:
    phi_wipe(plain, sizeof(plain));
    phi_sm2_private_free(key);
    return err;
}

static enum phi_err write_one(const struct ctl_args *args, const json_t *parcel,
                              struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    char path[1040], plain[PHI_ENVELOPE_PLAIN_MAX + 1];
    const char *kind = json_string_value(json_object_get(parcel, "kind"));
    const char *sealed = json_string_value(json_object_get(parcel, "sealed"));
    if (kind == NULL || sealed == NULL)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "parcels", "without kind or content");
    bool is_bus = strcmp(kind, "bus") == 0;
    snprintf(path, sizeof(path), "%s/%s", ctl_get(args, "out"),
             is_bus ? "bus.credentials" : "index.parcel");
    if (is_bus)
        PHI_GUARD(open_bus(args, sealed, plain, sizeof(plain), error));
    PHI_GUARD(ctl_write_new(path, 0600, is_bus ? plain : sealed, error));
    printf("wrote=%s\n", path);
out:
    phi_wipe(plain, sizeof(plain));
    return err;
}

static int fetch(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    char path[64];
    struct phi_error error = {.code = PHI_OK};
    json_t *data = NULL;
    snprintf(path, sizeof(path), "/v1/platforms/%.6s/hand-over", ctl_get(args, "region"));
    PHI_GUARD(ctl_rules_ask(args, "POST", path, json_object(), &data, &error));
    const json_t *parcels = json_object_get(data, "parcels");
    for (size_t i = 0; i < json_array_size(parcels); i++)
        PHI_GUARD(write_one(args, json_array_get(parcels, i), &error));
    printf("parcels=%zu\n", json_array_size(parcels));
out:
    json_decref(data);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static int run_hand_over(const struct ctl_args *args)
{
    struct phi_error error = {.code = PHI_OK};
    if (ctl_has(args, "parcel") == ctl_has(args, "out"))
        return ctl_fail(phi_error_set(&error, PHI_ERR_CONFIG, "--out",
                                      "either --out, to fetch, or --parcel, to leave one"),
                        &error);
    return ctl_has(args, "parcel") ? put(args) : fetch(args);
}

/* A line a user: name, password, on or off; compose/kafka/access reads it. */
static int run_bus(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    json_t *data = NULL;
    char *text = NULL;
    size_t len = 0;
    FILE *lines = open_memstream(&text, &len);
    PHI_GUARD(lines == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(ctl_rules_ask(args, "GET", "/v1/bus/users", NULL, &data, &error));
    const json_t *users = json_object_get(data, "users");
    for (size_t i = 0; i < json_array_size(users); i++) {
        const json_t *user = json_array_get(users, i);
        fprintf(lines, "province-%s %s %s\n", json_string_value(json_object_get(user, "region")),
                json_string_value(json_object_get(user, "password")),
                json_is_true(json_object_get(user, "isActive")) ? "on" : "off");
    }
    PHI_GUARD(fflush(lines) == 0 ? PHI_OK : PHI_ERR_MEMORY);
    PHI_GUARD(ctl_write_new(ctl_get(args, "out"), 0600, text, &error));
    printf("users=%zu\n", json_array_size(users));
out:
    if (lines != NULL)
        fclose(lines);
    if (text != NULL)
        phi_wipe(text, len);
    free(text);
    json_decref(data);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option hand_over_options[] = {
    PLATFORM_URL,
    PLATFORM_REGION,
    {.name = "out",
     .value = "FOLDER",
     .text = "as the platform: fetch what is there, once: bus.credentials, index.parcel"},
    {.name = "unseal-key",
     .value = "FILE",
     .text = "the platform's encryption key, under --password-file's password too"},
    {.name = "parcel",
     .value = "FILE",
     .text = "as an officer: leave this parcel of key distribute --to (the national index key)"},
    CTL_REQUEST_OPTIONS,
};

const struct ctl_command ctl_platform_hand_over = {
    .group = "platform",
    .verb = "hand-over",
    .about = "fetch, or leave, what is sealed to a platform",
    .options = hand_over_options,
    .option_count = CTL_COUNT(hand_over_options),
    .run = run_hand_over};

static const struct ctl_option bus_options[] = {
    PLATFORM_URL,
    {.name = "out",
     .value = "FILE",
     .is_required = true,
     .text = "the provinces' users of the platform bus, for compose/kafka/access"},
    CTL_REQUEST_OPTIONS,
};

const struct ctl_command ctl_platform_bus = {.group = "platform",
                                             .verb = "bus",
                                             .about =
                                                 "write the users of the platform bus into a file",
                                             .options = bus_options,
                                             .option_count = CTL_COUNT(bus_options),
                                             .run = run_bus};
