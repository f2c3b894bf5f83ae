/* scan OWNER-KEY-HEX TRUST-LIST [FILTER PLATFORM]: judges the code texts on stdin,
 * a line each. C and C++. */
#include <phi_scan.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    char *data = (char *)malloc(8 * 1024 * 1024);
    *len = file != NULL && data != NULL ? fread(data, 1, 8 * 1024 * 1024, file) : 0;
    if (file != NULL)
        fclose(file);
    return data;
}

static int load(struct phi_scan *scan, int count, char **names)
{
    size_t len = 0;
    char *data = read_file(names[2], &len);
    int result = phi_scan_load_trust_list(scan, data, len, (int64_t)time(NULL));
    free(data);
    if (result == PHI_SCAN_GOOD && count > 4) {
        data = read_file(names[3], &len);
        result = phi_scan_load_filter(scan, data, len, names[4], (int64_t)time(NULL));
        free(data);
    }
    if (result != PHI_SCAN_GOOD)
        fprintf(stderr, "not loaded: %s\n", phi_scan_result_name(result));
    return result;
}

static void judge_lines(const struct phi_scan *scan)
{
    char line[8192];
    struct phi_scan_verdict verdict;
    while (fgets(line, sizeof(line), stdin) != NULL) {
        size_t len = strcspn(line, "\r\n");
        int result =
            phi_scan_check_text(scan, line, len, (int64_t)time(NULL), &verdict, sizeof(verdict));
        printf("%d %s platform %s unseen %u\n", result, phi_scan_result_name(result),
               verdict.platform_id, verdict.unseen);
    }
}

int main(int count, char **names)
{
    unsigned char owner[64];
    if (count < 3 || strlen(names[1]) != 128)
        return 2;
    for (int i = 0; i < 64; i++) {
        const char digits[3] = {names[1][2 * i], names[1][2 * i + 1], '\0'};
        owner[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    struct phi_scan *scan = phi_scan_new(owner);
    int result = scan == NULL ? PHI_SCAN_MEMORY : load(scan, count, names);
    if (result == PHI_SCAN_GOOD)
        judge_lines(scan);
    phi_scan_free(scan);
    return result == PHI_SCAN_GOOD ? 0 : 1;
}
