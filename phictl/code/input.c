#include "phictl/code/input.h"

#include "phictl/files.h"
#include "picture/raster.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool begins(struct phi_view bytes, const char *sign, size_t len)
{
    return bytes.len >= len && memcmp(bytes.data, sign, len) == 0;
}

static bool is_picture(struct phi_view bytes)
{
    return begins(bytes, "\x89PNG", 4) || begins(bytes, "\xff\xd8\xff", 3);
}

static struct phi_view without_line_end(struct phi_view text)
{
    if (text.len > 0 && text.data[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.data[text.len - 1] == '\r')
        text.len--;
    return text;
}

static bool is_file(const char *argument)
{
    struct stat about;
    return strcmp(argument, "-") == 0 || (stat(argument, &about) == 0 && !S_ISDIR(about.st_mode));
}

static enum phi_err read_picture(struct ctl_code *code, struct phi_error *error)
{
    uint8_t *text = NULL;
    size_t len = 0;
    enum phi_err err = ctl_symbol_read(code->given, &text, &len, error);
    if (err != PHI_OK)
        return err;
    free(code->owned);
    code->owned = text;
    code->given = phi_view_of(text, len);
    code->from = "picture";
    code->is_text = true;
    return PHI_OK;
}

static enum phi_err read_file(const char *path, struct ctl_code *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    size_t len = 0;
    PHI_GUARD(ctl_read_all(path, PHI_RASTER_FILE_MAX, &out->owned, &len, error));
    out->given = phi_view_of(out->owned, len);
    if (is_picture(out->given)) {
        PHI_GUARD(read_picture(out, error));
        return PHI_OK;
    }
    out->is_text = len == 0 || out->owned[0] >= 0x20;
    out->from = out->is_text ? "text" : "bytes";
    if (out->is_text)
        out->given = without_line_end(out->given);
out:
    if (err != PHI_OK)
        ctl_code_free(out);
    return err;
}

enum phi_err ctl_code_read(const char *argument, struct ctl_code *out, struct phi_error *error)
{
    *out = (struct ctl_code){.given = phi_view_text(argument), .is_text = true, .from = "text"};
    return is_file(argument) ? read_file(argument, out, error) : PHI_OK;
}

void ctl_code_free(struct ctl_code *code)
{
    free(code->owned);
    *code = (struct ctl_code){.from = "text"};
}
