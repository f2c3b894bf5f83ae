/* One reader for each format, for grey.c. Inside the room. */
#ifndef PHI_PICTURE_GREY_PARTS_H
#define PHI_PICTURE_GREY_PARTS_H

#include "picture/grey.h"

/* Checks the bounds and allocates. */
enum phi_err phi_grey_open(struct phi_grey *grey, uint64_t width, uint64_t height,
                           size_t pixels_max) PHI_MUST_USE;
/* On failure the caller frees what `grey` holds. */
enum phi_err phi_grey_read_png(struct phi_view bytes, size_t pixels_max,
                               struct phi_grey *grey) PHI_MUST_USE;
enum phi_err phi_grey_read_jpeg(struct phi_view bytes, size_t pixels_max,
                                struct phi_grey *grey) PHI_MUST_USE;

#endif
