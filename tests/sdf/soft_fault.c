#include "soft.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_LEN 128

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char current[LINE_MAX_LEN]; /* the line that `calls` counts for */
static unsigned long calls;
static unsigned epoch;

static void read_control(char line[LINE_MAX_LEN])
{
    const char *path = getenv("PHI_SDF_SOFT_CONTROL");
    FILE *file = path ? fopen(path, "re") : NULL;
    line[0] = '\0';
    if (!file)
        return;
    if (!fgets(line, LINE_MAX_LEN, file))
        line[0] = '\0';
    (void)fclose(file);
}

static bool applies(const char *line, const char *function, char fault[17])
{
    char name[65];
    unsigned long skip = 0, count = 0;
    int fields = sscanf(line, "%16s %64s %lu %lu", fault, name, &skip, &count);
    if (fields < 2 || (strcmp(name, "all") != 0 && strcmp(name, function) != 0))
        return false;
    calls++;
    return calls > skip && (fields < 4 || calls <= skip + count);
}

static void hang(const char *line)
{
    const struct timespec tick = {.tv_nsec = 5 * 1000000};
    char now[LINE_MAX_LEN];
    do {
        nanosleep(&tick, NULL);
        read_control(now);
    } while (strcmp(now, line) == 0);
}

static int status_of(const char *fault, bool *is_wrong)
{
    *is_wrong = strcmp(fault, "wrong") == 0;
    if (strcmp(fault, "hangup") == 0) {
        epoch++;
        return GMT0018_COMM;
    }
    if (strcmp(fault, "deny") == 0)
        return GMT0018_PARDENY;
    if (strcmp(fault, "busy") == 0)
        return GMT0018_NO_BUFFER;
    return *is_wrong ? GMT0018_OK : GMT0018_HARD;
}

int soft_fault(const char *function, bool *is_wrong)
{
    char line[LINE_MAX_LEN], fault[17] = "";
    int status = GMT0018_OK;
    bool hangs = false;
    *is_wrong = false;
    read_control(line);
    pthread_mutex_lock(&lock);
    if (strcmp(line, current) != 0) {
        memcpy(current, line, sizeof(current));
        calls = 0;
    }
    if (applies(line, function, fault)) {
        hangs = strcmp(fault, "hang") == 0;
        status = status_of(fault, is_wrong);
    }
    pthread_mutex_unlock(&lock);
    if (hangs)
        hang(line);
    return status;
}

unsigned soft_epoch(void)
{
    pthread_mutex_lock(&lock);
    unsigned now = epoch;
    pthread_mutex_unlock(&lock);
    return now;
}
