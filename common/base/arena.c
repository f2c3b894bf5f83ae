#include "base/arena.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT     (_Alignof(max_align_t))
#define FIRST_BYTES   ((size_t)4096)
#define LARGEST_BYTES ((size_t)65536)
#define PRINTF_BYTES  512

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    max_align_t data[];
};

/* Wiped chunks of the first sizes, kept for the next request: the allocator joins and splits what
 * is this large, at a tenth of a request's time. At most 3 MB in all. Sanitizers see each go. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STOCK_MAX 0
#else
#define STOCK_MAX 256
#endif
#define STOCK_SIZES 2

struct stock {
    pthread_mutex_t lock;
    struct chunk *first;
    int count;
};

static struct stock stocks[STOCK_SIZES] = {{.lock = PTHREAD_MUTEX_INITIALIZER},
                                           {.lock = PTHREAD_MUTEX_INITIALIZER}};

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

static struct stock *stock_of(size_t size)
{
    for (size_t i = 0; i < STOCK_SIZES; i++)
        if (size == FIRST_BYTES << i)
            return &stocks[i];
    return NULL;
}

/* A zeroed chunk. */
static struct chunk *chunk_new(size_t size)
{
    struct stock *stock = stock_of(size);
    struct chunk *chunk = NULL;
    if (stock != NULL) {
        pthread_mutex_lock(&stock->lock);
        chunk = stock->first;
        if (chunk != NULL) {
            stock->first = chunk->next;
            stock->count--;
        }
        pthread_mutex_unlock(&stock->lock);
    }
    if (chunk == NULL)
        chunk = calloc(1, sizeof(*chunk) + size);
    if (chunk != NULL)
        chunk->size = size;
    return chunk;
}

static void chunk_free(struct chunk *chunk)
{
    struct stock *stock = stock_of(chunk->size);
    phi_wipe(chunk->data, chunk->used);
    if (stock != NULL) {
        pthread_mutex_lock(&stock->lock);
        if (stock->count < STOCK_MAX) {
            chunk->used = 0;
            chunk->next = stock->first;
            stock->first = chunk;
            stock->count++;
            chunk = NULL;
        }
        pthread_mutex_unlock(&stock->lock);
    }
    free(chunk);
}

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
        chunk_free(chunk);
    }
    free(arena);
}

static struct chunk *add_chunk(struct phi_arena *arena, size_t len)
{
    size_t size = len > arena->next_size ? len : arena->next_size;
    struct chunk *chunk = chunk_new(size);
    if (chunk == NULL)
        return NULL;
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
    char first[PRINTF_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(first, sizeof(first), format, args);
    va_end(args);
    char *text = len < 0 ? NULL : phi_arena_alloc(arena, (size_t)len + 1);
    if (text != NULL && (size_t)len < sizeof(first)) {
        memcpy(text, first, (size_t)len);
    } else if (text != NULL) {
        va_start(args, format);
        vsnprintf(text, (size_t)len + 1, format, args);
        va_end(args);
    }
    phi_wipe(first, len > 0 && (size_t)len < sizeof(first) ? (size_t)len : sizeof(first));
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
