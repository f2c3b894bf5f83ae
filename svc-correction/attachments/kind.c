#include "svc-correction/attachments/kind.h"

#include <string.h>

#define TAIL_BYTES 1024 /* where a PDF's end is looked for */

enum { PDF, PNG, JPEG, COUNT };

static const struct attachment_kind kinds[COUNT] = {
    [PDF] = {"pdf", "application/pdf", "pdf", false},
    [PNG] = {"png", "image/jpeg", "jpg", true},
    [JPEG] = {"jpeg", "image/jpeg", "jpg", true},
};

const struct attachment_kind *attachment_kind_named(const char *name)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

static bool begins(struct phi_view bytes, const char *magic, size_t len)
{
    return bytes.len > len && memcmp(bytes.data, magic, len) == 0;
}

static bool ends_as_pdf(struct phi_view bytes)
{
    size_t len = bytes.len < TAIL_BYTES ? bytes.len : TAIL_BYTES;
    return memmem(bytes.data + bytes.len - len, len, "%%EOF", 5) != NULL;
}

const struct attachment_kind *attachment_kind_of(struct phi_view bytes)
{
    if (begins(bytes, "%PDF-", 5) && ends_as_pdf(bytes))
        return &kinds[PDF];
    if (begins(bytes, "\x89PNG\r\n\x1a\n", 8))
        return &kinds[PNG];
    if (begins(bytes, "\xff\xd8\xff", 3))
        return &kinds[JPEG];
    return NULL;
}

const char *attachment_ending(const char *type)
{
    for (int i = 0; i < COUNT; i++)
        if (strcmp(kinds[i].type, type) == 0)
            return kinds[i].ending;
    return "bin";
}
