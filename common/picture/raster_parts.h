/* One reader for each format, for raster.c; `channels` says which pixels are wanted. Inside the
 * room. */
#ifndef PHI_PICTURE_RASTER_PARTS_H
#define PHI_PICTURE_RASTER_PARTS_H

#include "picture/raster.h"

/* Checks the bounds and allocates. */
enum phi_err phi_raster_open(struct phi_raster *raster, uint64_t width, uint64_t height,
                             size_t pixels_max) PHI_MUST_USE;
/* On failure the caller frees what `grey` holds. */
enum phi_err phi_raster_read_png(struct phi_view bytes, size_t pixels_max,
                                 struct phi_raster *raster) PHI_MUST_USE;
enum phi_err phi_raster_read_jpeg(struct phi_view bytes, size_t pixels_max,
                                  struct phi_raster *raster) PHI_MUST_USE;

#endif
