/* A foreign picture drawn anew: what a camera or an editor wrote beside the pixels (places, names,
 * thumbnails), and whatever hides in a malformed file, does not come along.
 *
 *   uint8_t *jpeg = NULL;
 *   PHI_GUARD(phi_picture_reencode(bytes, &jpeg, &len));
 *   … free(jpeg);
 *
 * The decoders are other people's and read what strangers send: run it in a process of its own
 * (svc-correction/attachments/phi-reencode).
 */
#ifndef PHI_PICTURE_REENCODE_H
#define PHI_PICTURE_REENCODE_H

#include "picture/raster.h"

#define PHI_REENCODE_QUALITY 85

/* PNG or JPEG in, JPEG out (RGB, what was transparent is white), the caller's to free.
 * PHI_ERR_FIELD_VALUE as phi_raster_read_rgb; PHI_ERR_MEMORY. Any thread. */
enum phi_err phi_picture_reencode(struct phi_view bytes, uint8_t **out, size_t *len) PHI_MUST_USE;

#endif
