#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT     (_Alignof(max_align_t))
#define FIRST_BYTES   ((size_t)4096)
#define LARGEST_BYTES ((size_t)65536)

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    max_align_t data[];
};

struct drop {
    struct drop *next;
    void (*call)(void *);
    void *object;
};

struct phi_arena {
    struct chunk *chunks; /* the newest first */
    struct drop *drops;   /* the newest first */
    size_t left;
    size_t next_size;
};

struct phi_arena *phi_arena_new(size_t max_bytes)
{
    struct phi_arena *arena = calloc(1, sizeof(*arena));
    if (arena == NULL)
        return NULL;
    arena->left = max_bytes;
    arena->next_size = FIRST_BYTES;
    return arena;
}

void phi_arena_free(struct phi_arena *arena)
{
    if (arena == NULL)
        return;
    for (struct drop *drop = arena->drops; drop != NULL; drop = drop->next)
        drop->call(drop->object);
    while (arena->chunks != NULL) {
        struct chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        phi_wipe(chunk->data, chunk->used);
        free(chunk);
    }
    free(arena);
}

static struct chunk *add_chunk(struct phi_arena *arena, size_t len)
{
    size_t size = len > arena->next_size ? len : arena->next_size;
    struct chunk *chunk = calloc(1, sizeof(*chunk) + size);
    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    if (arena->next_size < LARGEST_BYTES)
        arena->next_size *= 2;
    return chunk;
}

void *phi_arena_alloc(struct phi_arena *arena, size_t len)
{
    if (len > arena->left)
        return NULL;
    /* an empty one has an address of its own too */
    size_t rounded = ((len > 0 ? len : 1) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (rounded > arena->left)
        return NULL;
    struct chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < rounded)
        chunk = add_chunk(arena, rounded);
    if (chunk == NULL)
        return NULL;
    void *memory = (uint8_t *)chunk->data + chunk->used;
    chunk->used += rounded;
    arena->left -= rounded;
    return memory;
}

void *phi_arena_copy(struct phi_arena *arena, const void *data, size_t len)
{
    void *copy = phi_arena_alloc(arena, len);
    if (copy != NULL && len > 0)
        memcpy(copy, data, len);
    return copy;
}

char *phi_arena_text(struct phi_arena *arena, struct phi_view text)
{
    if (text.len == SIZE_MAX)
        return NULL;
    char *copy = phi_arena_alloc(arena, text.len + 1);
    if (copy != NULL && text.len > 0)
        memcpy(copy, text.data, text.len);
    return copy;
}

char *phi_arena_printf(struct phi_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : phi_arena_alloc(arena, (size_t)len + 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

struct phi_view phi_arena_view(struct phi_arena *arena, struct phi_view view)
{
    void *copy = phi_arena_copy(arena, view.data, view.len);
    return copy != NULL ? phi_view_of(copy, view.len) : phi_view_of(NULL, 0);
}

enum phi_err phi_arena_on_free(struct phi_arena *arena, void (*call)(void *), void *object)
{
    struct drop *drop = phi_arena_alloc(arena, sizeof(*drop));
    if (drop == NULL)
        return PHI_ERR_MEMORY;
    *drop = (struct drop){arena->drops, call, object};
    arena->drops = drop;
    return PHI_OK;
}
