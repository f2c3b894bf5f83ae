#include "codes/factid.h"

#include <stdio.h>
#include <string.h>

#define FIELD_MAX 0xffff

enum phi_err phi_fact_id(struct phi_view region, struct phi_view source,
                         struct phi_view institution, struct phi_view record_no, uint32_t revision,
                         uint8_t out[PHI_FACT_ID_LEN])
{
    char decimal[12];
    snprintf(decimal, sizeof(decimal), "%u", (unsigned)revision);
    const struct phi_view fields[] = {region, source, institution, record_no,
                                      phi_view_text(decimal)};
    uint8_t lengths[5][2];
    struct phi_view parts[10];
    for (size_t i = 0; i < 5; i++) {
        if (fields[i].len > FIELD_MAX)
            return PHI_ERR_FIELD_VALUE;
        lengths[i][0] = (uint8_t)(fields[i].len >> 8);
        lengths[i][1] = (uint8_t)fields[i].len;
        parts[2 * i] = phi_view_of(lengths[i], 2);
        parts[2 * i + 1] = fields[i];
    }
    uint8_t digest[PHI_SM3_LEN];
    enum phi_err err = phi_sm3_parts(parts, 10, digest);
    if (err == PHI_OK)
        memcpy(out, digest, PHI_FACT_ID_LEN);
    return err;
}

enum phi_err phi_declaration_record_no(struct phi_view route, struct phi_view custom_number,
                                       struct phi_view biz_serial_num,
                                       const uint8_t subject[PHI_SUBJECT_LEN],
                                       struct phi_arena *arena, struct phi_view *out)
{
    if (route.len > FIELD_MAX || custom_number.len > FIELD_MAX || biz_serial_num.len > FIELD_MAX)
        return PHI_ERR_FIELD_VALUE;
    char hex[2 * PHI_SUBJECT_LEN + 1];
    phi_hex_encode(phi_view_of(subject, PHI_SUBJECT_LEN), hex);
    size_t size = 8 + route.len + custom_number.len + biz_serial_num.len + 2 * PHI_SUBJECT_LEN;
    uint8_t *bytes = phi_arena_alloc(arena, size);
    if (!bytes)
        return PHI_ERR_MEMORY;
    struct phi_writer writer = phi_writer_of(bytes, size);
    phi_write_view16(&writer, route);
    phi_write_view16(&writer, custom_number);
    phi_write_view16(&writer, biz_serial_num);
    phi_write_view16(&writer, phi_view_text(hex));
    *out = phi_view_of(bytes, phi_writer_len(&writer));
    return PHI_OK;
}
