#include "base/mutant.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAME_SIZE 64

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const volatile char *chosen = "";

/* The file is mapped: another process writes the name, every question sees it. */
static const char *map_file(const char *path)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        abort();
    if (lseek(file, 0, SEEK_END) < NAME_SIZE)
        abort();
    char *map = mmap(NULL, NAME_SIZE, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map == MAP_FAILED)
        abort();
    return map;
}

static void choose(void)
{
    /* nothing in the suite changes the environment: NOLINTNEXTLINE(concurrency-mt-unsafe) */
    const char *value = getenv("PHI_MUTANT");
    if (value != NULL)
        chosen = value[0] == '@' ? map_file(value + 1) : value;
}

bool phi_mutant_is(const char *name)
{
    pthread_once(&once, choose);
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if (i == NAME_SIZE || chosen[i] != name[i])
            return false;
    }
    return chosen[len] == '\0' || chosen[len] == '\n';
}
