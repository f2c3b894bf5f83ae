/* Gives a target every file of a corpus: fuzz_<target> FILE|FOLDER… Each input is a heap block of
 * its exact length, so that the sanitizers see a read past its end; each is also cut in its middle.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define INPUT_MAX (4L * 1024 * 1024)

static void feed(const uint8_t *bytes, size_t len)
{
    uint8_t *exact = malloc(len > 0 ? len : 1);
    fuzz_expect(exact != NULL);
    memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static bool replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);
    bool is_read = file != NULL && bytes != NULL;
    if (is_read) {
        size_t len = fread(bytes, 1, INPUT_MAX, file);
        is_read = ferror(file) == 0;
        feed(bytes, len);
        feed(bytes, len / 2);
    }
    if (file != NULL)
        fclose(file);
    free(bytes);
    return is_read;
}

static bool replay_folder(const char *path, size_t *count)
{
    struct dirent **entries = NULL;
    int found = scandir(path, &entries, NULL, alphasort);
    bool is_read = found >= 0;
    for (int i = 0; i < found; i++) {
        char name[1024];
        int len = snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            is_read = len < (int)sizeof(name) && replay_file(name) && is_read;
            (*count)++;
        }
        free(entries[i]);
    }
    free(entries);
    return is_read;
}

int main(int argc, char **argv)
{
    size_t count = 0;
    bool is_read = true;
    for (int i = 1; i < argc; i++) {
        struct stat state;
        bool is_folder = stat(argv[i], &state) == 0 && S_ISDIR(state.st_mode);
        is_read = (is_folder ? replay_folder(argv[i], &count) : replay_file(argv[i])) && is_read;
        count += !is_folder;
    }
    printf("%zu inputs\n", count);
    return is_read && count > 0 ? 0 : 1;
}
