/* Draws the pictures of a plan into a folder, for the tests that spoil and read them, for
 * the documents, and to look at: draw-pictures FOLDER [MARK-KEY PASSWORD-FILE] < PLAN
 * A line of the plan: file, "neutral", "paper" or a grade's code, symbology, format, scale, then
 * platform, app and seconds since 1970 of the mark, or "-" for none. */
#include "base/text.h"
#include "base/time.h"
#include "codes/grade.h"
#include "crypto/key.h"
#include "picture/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (8 * 1024 * 1024)

/* 256 letters and digits, as a health code has. */
static const char code_text[] = "AARACDTHM5QWYZLMMVZGK3TUEBSXQYLNOBWGKIDPMYQGCIDDN5SGKIDUMV4HIIDG"
                                "N5ZG2IDXNF2GQIDUO5XSA2DVNZSHEZLEEBQW4ZBAMZUWM5DZEBZWS6BANRSXI5DF"
                                "OJZSAYLOMQQGI2LHNF2HGIDPMYQGEYLTMUZTEIDBNZSCA3TPOQQG63TFEBWW64TF"
                                "EB2GQYLOEB2GQYLUFYQFI2DFEBSW4ZBAN5TCA2LUEBUXGIDOMVQXEIDON53SAMJS";

struct plan {
    char file[64], kind[16], symbology[16], format[8], platform[16], app[65];
    int scale;
    long long time_s;
};

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "draw-pictures: %s\n", what);
    exit(1); // NOLINT(concurrency-mt-unsafe)
}

static struct phi_mark_key *read_key(const char *path, const char *password_path)
{
    uint8_t secret[PHI_KEY_SECRET_MAX];
    char password[256] = "";
    size_t len = 0;
    struct phi_mark_key *key = NULL;
    FILE *file = fopen(password_path, "re");
    require(file != NULL && fgets(password, sizeof(password), file) != NULL, "no password");
    (void)fclose(file);
    password[strcspn(password, "\r\n")] = '\0';
    require(phi_key_read_secret(path, password, secret, sizeof(secret), &len, NULL) == PHI_OK,
            "the mark key can't be read");
    require(phi_mark_key_new(phi_view_of(secret, len), &key) == PHI_OK, "no mark key");
    phi_wipe(secret, sizeof(secret));
    return key;
}

static struct phi_picture picture_of(const struct plan *plan, const struct phi_mark_key *key)
{
    struct phi_picture picture = {.text = phi_view_text(code_text), .scale = plan->scale};
    require(phi_symbology_from_name(phi_view_text(plan->symbology), &picture.symbology),
            "unknown symbology");
    picture.format = strcmp(plan->format, "png") == 0   ? PHI_PICTURE_PNG
                     : strcmp(plan->format, "svg") == 0 ? PHI_PICTURE_SVG
                                                        : PHI_PICTURE_PDF;
    if (plan->platform[0] == '-')
        return picture;
    picture.mark_key = key;
    memcpy(picture.mark.platform, plan->platform, 7);
    picture.mark.time_s = plan->time_s;
    require(phi_mark_app(phi_view_text(plan->app), picture.mark.app) == PHI_OK, "no digest");
    return picture;
}

static enum phi_err draw(const struct plan *plan, const struct phi_mark_key *key,
                         struct phi_arena *arena, struct phi_view *out)
{
    const struct phi_picture picture = picture_of(plan, key);
    const struct phi_picture_holder holder = {.name = "张*三",
                                              .id_no = "3201**********1234",
                                              .drawn_us = 1795248495000000,
                                              .until_us = 1795248795000000,
                                              .place = "江苏省"};
    enum phi_grade grade = PHI_GRADE_GREY;
    if (strcmp(plan->kind, "neutral") == 0)
        return phi_picture_neutral(&picture, arena, out);
    const struct phi_picture_paper paper = {holder.name, holder.id_no, holder.place,
                                            holder.drawn_us, holder.drawn_us + 7 * 86400000000LL};
    if (strcmp(plan->kind, "paper") == 0)
        return phi_picture_certificate(&picture, &paper, arena, out);
    require(phi_grade_from_code(phi_view_text(plan->kind), &grade) == PHI_OK, "unknown grade");
    const struct phi_grade_row *row = phi_grade_row(grade);
    const struct phi_picture_grade look = {row->zh, row->en, row->colour, row->shape};
    return phi_picture_graded(&picture, &look, &holder, arena, out);
}

static void write_file(const char *folder, const char *name, struct phi_view bytes)
{
    char path[4096];
    int len = snprintf(path, sizeof(path), "%s/%s", folder, name);
    require(len > 0 && len < (int)sizeof(path), "the name is too long");
    FILE *file = fopen(path, "wbe");
    require(file != NULL && fwrite(bytes.data, 1, bytes.len, file) == bytes.len &&
                fclose(file) == 0,
            "a picture can't be written");
}

int main(int argc, char **argv)
{
    struct plan plan = {0};
    struct phi_mark_key *key = NULL;
    require(argc == 2 || argc == 4, "usage: FOLDER [MARK-KEY PASSWORD-FILE] < PLAN");
    if (argc == 4)
        key = read_key(argv[2], argv[3]);
    while (scanf("%63s %15s %15s %7s %d %15s %64s %lld", plan.file, plan.kind, plan.symbology,
                 plan.format, &plan.scale, plan.platform, plan.app, &plan.time_s) == 8) {
        struct phi_arena *arena = phi_arena_new(ARENA_BYTES);
        struct phi_view bytes = {0};
        require(arena != NULL && draw(&plan, key, arena, &bytes) == PHI_OK, "not drawn");
        write_file(argv[1], plan.file, bytes);
        phi_arena_free(arena);
    }
    require(feof(stdin) != 0, "a line of the plan is wrong");
    phi_mark_key_free(key);
    return 0;
}
