#include "codes/factid.h"

#include <stdio.h>
#include <string.h>

#define FIELD_MAX  0xffff
#define FIELDS_MAX 5

/* SM3 over the fields, each preceded by its length as u16 big-endian. */
static enum phi_err digest_fields(const struct phi_view *fields, size_t count,
                                  uint8_t digest[PHI_SM3_LEN])
{
    uint8_t lengths[FIELDS_MAX][2];
    struct phi_view parts[2 * FIELDS_MAX];
    for (size_t i = 0; i < count; i++) {
        if (fields[i].len > FIELD_MAX)
            return PHI_ERR_FIELD_VALUE;
        lengths[i][0] = (uint8_t)(fields[i].len >> 8);
        lengths[i][1] = (uint8_t)fields[i].len;
        parts[2 * i] = phi_view_of(lengths[i], 2);
        parts[2 * i + 1] = fields[i];
    }
    return phi_sm3_parts(parts, 2 * count, digest);
}

enum phi_err phi_fact_id(struct phi_view region, struct phi_view source,
                         struct phi_view institution, struct phi_view record_no, uint32_t revision,
                         uint8_t out[PHI_FACT_ID_LEN])
{
    char decimal[12];
    uint8_t digest[PHI_SM3_LEN];
    snprintf(decimal, sizeof(decimal), "%u", (unsigned)revision);
    const struct phi_view fields[] = {region, source, institution, record_no,
                                      phi_view_text(decimal)};
    enum phi_err err = digest_fields(fields, sizeof(fields) / sizeof(fields[0]), digest);
    if (err == PHI_OK)
        memcpy(out, digest, PHI_FACT_ID_LEN);
    return err;
}

enum phi_err phi_declaration_record_no(struct phi_view route, struct phi_view custom_number,
                                       struct phi_view biz_serial_num,
                                       const uint8_t subject[PHI_SUBJECT_LEN],
                                       char out[PHI_DECLARATION_RECORD_LEN + 1])
{
    char hex[2 * PHI_SUBJECT_LEN + 1];
    uint8_t digest[PHI_SM3_LEN];
    phi_hex_encode(phi_view_of(subject, PHI_SUBJECT_LEN), hex);
    const struct phi_view fields[] = {route, custom_number, biz_serial_num, phi_view_text(hex)};
    enum phi_err err = digest_fields(fields, sizeof(fields) / sizeof(fields[0]), digest);
    if (err == PHI_OK)
        phi_hex_encode(phi_view_of(digest, PHI_DECLARATION_RECORD_LEN / 2), out);
    return err;
}
