/* A picture given to phictl code trace: PNG or JPEG from anybody, read and searched for a mark. */
#include "fuzz.h"
#include "picture/mark.h"

#define PIXELS_MAX (64 * 1024)
#define ROWS_MAX   30 /* higher ones only take longer */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct phi_mark_key *key;
    struct phi_raster grey;
    struct phi_mark_trace trace;
    if (key == NULL)
        fuzz_expect(phi_mark_key_new(phi_view_text("0123456789abcdef"), &key) == PHI_OK);
    if (phi_raster_read_grey(phi_view_of(data, len), PIXELS_MAX, &grey) != PHI_OK)
        return 0;
    fuzz_expect(grey.width > 0 && grey.height > 0 && grey.pixels != NULL);
    fuzz_expect((size_t)grey.width * (size_t)grey.height <= PIXELS_MAX);
    if (phi_mark_rows(grey.width, grey.height) <= ROWS_MAX) {
        enum phi_err err = phi_mark_trace(key, &grey, &trace);
        fuzz_expect(err == PHI_OK || err == PHI_ERR_NOT_FOUND);
    }
    phi_raster_free(&grey);
    return 0;
}
