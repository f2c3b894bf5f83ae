#include "phictl/code/parts.h"

#include "codes/jkm1.h"
#include "codes/region.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEX_SHOWN 32 /* bytes of a part on a line */

struct walk {
    struct phi_view code;
    size_t at;
    struct ctl_parts *out;
};

/* The next part, of at most `len` bytes; its meaning is to be filled in. NULL when nothing is left
 * of a part that should have bytes. */
static struct ctl_part *take(struct walk *walk, const char *name, size_t len)
{
    size_t left = walk->code.len - walk->at;
    if (left == 0 || len == 0 || walk->out->count == CTL_PARTS_MAX)
        return NULL;
    struct ctl_part *part = &walk->out->parts[walk->out->count++];
    size_t taken = len < left ? len : left;
    *part = (struct ctl_part){
        .name = name, .offset = walk->at, .bytes = phi_view_of(walk->code.data + walk->at, taken)};
    if (taken < len)
        (void)snprintf(part->meaning, sizeof(part->meaning), "cut off, %zu of %zu bytes", taken,
                       len);
    walk->at += taken;
    return part;
}

static struct ctl_part *take_said(struct walk *walk, const char *name, size_t len,
                                  const char *meaning)
{
    struct ctl_part *part = take(walk, name, len);
    if (part != NULL && part->meaning[0] == '\0')
        (void)snprintf(part->meaning, sizeof(part->meaning), "%s", meaning);
    return part;
}

/* A length, read; 0 when it is not there or cut. */
static size_t take_length(struct walk *walk, const char *name)
{
    struct ctl_part *part = take(walk, name, 2);
    if (part == NULL || part->bytes.len < 2)
        return 0;
    size_t len = (size_t)part->bytes.data[0] << 8 | part->bytes.data[1];
    (void)snprintf(part->meaning, sizeof(part->meaning), "%zu bytes follow", len);
    return len;
}

static void take_a(struct walk *walk)
{
    size_t len = take_length(walk, "A.length");
    if (len != PHI_JKM1_A_LEN) {
        (void)take_said(walk, "A", len, "opaque, such as a cyber trusted identity");
        return;
    }
    struct ctl_part *part = take(walk, "A.keySet", 1);
    if (part != NULL)
        (void)snprintf(part->meaning, sizeof(part->meaning), "key set %u", part->bytes.data[0]);
    (void)take_said(walk, "A.serial", PHI_JKM1_SERIAL_LEN, "random; the counter's start");
    (void)take_said(walk, "A.sealed", PHI_JKM1_SEALED_LEN,
                    "subject and flags, for the issuer to unseal");
}

static void take_version(struct walk *walk)
{
    struct ctl_part *part = take(walk, "B.version", 2);
    if (part != NULL && part->bytes.len == 2)
        (void)snprintf(part->meaning, sizeof(part->meaning), "%u",
                       (unsigned)part->bytes.data[0] << 8 | part->bytes.data[1]);
}

static void take_platform(struct walk *walk)
{
    struct ctl_part *part = take(walk, "B.platform", PHI_REGION_LEN);
    if (part == NULL || part->bytes.len < PHI_REGION_LEN)
        return;
    char id[PHI_REGION_LEN + 1] = "";
    memcpy(id, part->bytes.data, PHI_REGION_LEN);
    bool is_valid = phi_platform_is_valid(part->bytes);
    (void)snprintf(part->meaning, sizeof(part->meaning), "%s %s", is_valid ? id : "not a",
                   is_valid ? phi_region_name_zh(id) : "platform id");
}

static void take_deadline(struct walk *walk)
{
    char when[PHI_RFC3339_MAX];
    int64_t deadline_s = 0;
    struct ctl_part *part = take(walk, "B.deadline", PHI_TIME14_LEN);
    if (part == NULL || part->bytes.len < PHI_TIME14_LEN)
        return;
    if (phi_time14_parse(part->bytes, 0, &deadline_s) != PHI_OK) {
        (void)snprintf(part->meaning, sizeof(part->meaning), "not a time");
        return;
    }
    phi_rfc3339_format(deadline_s * 1000000, when);
    (void)snprintf(part->meaning, sizeof(part->meaning), "%s", when);
}

static void take_b(struct walk *walk)
{
    size_t len = take_length(walk, "B.length");
    if (len != PHI_JKM1_B_LEN) {
        (void)take_said(walk, "B", len, "not of the 58 bytes of version 1");
        return;
    }
    take_version(walk);
    struct ctl_part *type = take(walk, "B.type", 4);
    if (type != NULL && type->bytes.len == 4)
        (void)snprintf(type->meaning, sizeof(type->meaning), "%s",
                       memcmp(type->bytes.data, "JKM1", 4) == 0 ? "JKM1" : "not JKM1");
    take_platform(walk);
    take_deadline(walk);
    (void)take_said(walk, "B.consentDigest", PHI_SM3_LEN, "SM3 of the consent record");
}

void ctl_parts_of(struct phi_view code, struct ctl_parts *out)
{
    struct walk walk = {.code = code, .out = out};
    out->count = 0;
    take_a(&walk);
    take_b(&walk);
    (void)take_said(&walk, "S.r", PHI_SM2_SIG_LEN / 2, "SM2 signature over A and B");
    (void)take_said(&walk, "S.s", PHI_SM2_SIG_LEN / 2, "");
    (void)take_said(&walk, "left over", SIZE_MAX, "nothing belongs here");
    if (out->count > 0 && strcmp(out->parts[out->count - 1].name, "left over") == 0)
        (void)snprintf(out->parts[out->count - 1].meaning, sizeof(out->parts[0].meaning),
                       "nothing belongs here");
}

void ctl_parts_print(const struct ctl_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        const struct ctl_part *part = &parts->parts[i];
        size_t shown = part->bytes.len < HEX_SHOWN ? part->bytes.len : HEX_SHOWN;
        char hex[2 * HEX_SHOWN + 1];
        phi_hex_encode(phi_view_of(part->bytes.data, shown), hex);
        (void)printf("%5zu:l=%5zu  %-16s%s%s", part->offset, part->bytes.len, part->name, hex,
                     shown < part->bytes.len ? "…" : "");
        (void)printf("%s%s\n", part->meaning[0] != '\0' ? "  " : "", part->meaning);
    }
}

static json_t *part_json(const struct ctl_part *part)
{
    char *hex = malloc(2 * part->bytes.len + 1);
    if (hex == NULL)
        return NULL;
    phi_hex_encode(part->bytes, hex);
    json_t *object = json_pack("{s:s, s:I, s:I, s:s, s:s}", "name", part->name, "offset",
                               (json_int_t)part->offset, "length", (json_int_t)part->bytes.len,
                               "hex", hex, "meaning", part->meaning);
    free(hex);
    return object;
}

json_t *ctl_parts_json(const struct ctl_parts *parts)
{
    json_t *list = json_array();
    for (size_t i = 0; i < parts->count; i++) {
        if (json_array_append_new(list, part_json(&parts->parts[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}
