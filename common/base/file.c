#include "base/file.h"

#include <stdio.h>

enum phi_err phi_file_read(const char *path, size_t max_bytes, struct phi_arena *arena,
                           struct phi_view *out)
{
    uint8_t *bytes = phi_arena_alloc(arena, max_bytes + 1);
    if (bytes == NULL)
        return PHI_ERR_MEMORY;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return PHI_ERR_IO;
    size_t len = fread(bytes, 1, max_bytes + 1, file);
    bool is_bad = ferror(file) != 0 || len > max_bytes;
    if (fclose(file) != 0 || is_bad)
        return PHI_ERR_IO;
    *out = phi_view_of(bytes, len);
    return PHI_OK;
}
