#include "auth/certificate.h"
#include "base/time.h"
#include "phictl/commands.h"
#include "phictl/files.h"
#include "phictl/registry/trust_list.h"

#include <stdio.h>
#include <stdlib.h>

#define LIST_ARENA (32 * 1024 * 1024)

enum phi_err ctl_read_certificate(const char *path, struct phi_certificate **out,
                                  struct phi_error *error)
{
    uint8_t *bytes = NULL;
    size_t len = 0;
    enum phi_err err = ctl_read_all(path, PHI_CERTIFICATE_BYTES_MAX, &bytes, &len, error);
    if (err != PHI_OK)
        return err;
    err = phi_certificate_read(phi_view_of(bytes, len), out, error);
    free(bytes);
    return err;
}

static void print_uses(const struct phi_certificate_info *info)
{
    const char *comma = "";
    (void)printf("uses=");
    for (int use = PHI_CERTIFICATE_CODE; use < PHI_CERTIFICATE_USE_END; use++) {
        if ((info->uses & (1u << use)) == 0)
            continue;
        (void)printf("%s%s", comma, phi_certificate_use_name((enum phi_certificate_use)use));
        comma = ",";
    }
    (void)printf("%s\n", info->is_ca && info->uses == 0 ? "any" : "");
}

static void print(const struct phi_certificate_info *info)
{
    char from[PHI_RFC3339_MAX], to[PHI_RFC3339_MAX], hex[2 * PHI_SM2_PUBLIC_LEN + 1];
    phi_rfc3339_format(info->from_s * 1000000, from);
    phi_rfc3339_format(info->to_s * 1000000, to);
    phi_hex_encode(phi_view_of(info->public_key, PHI_SM2_PUBLIC_LEN), hex);
    (void)printf("subject=%s\nissuer=%s\nserial=%s\nfrom=%s\nto=%s\nca=%s\n", info->subject,
                 info->issuer, info->serial, from, to, info->is_ca ? "yes" : "no");
    if (info->is_ca && info->path_len != PHI_CERTIFICATE_ANY_PATH)
        (void)printf("path-length=%d\n", info->path_len);
    print_uses(info);
    (void)printf("key=%s\npublic=%s\n", info->key_id, hex);
}

static int run_show(const struct ctl_args *args)
{
    struct phi_certificate *certificate = NULL;
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = ctl_read_certificate(ctl_get(args, "in"), &certificate, &error);
    if (err != PHI_OK)
        return ctl_fail(err, &error);
    print(phi_certificate_info(certificate));
    phi_certificate_free(certificate);
    return CTL_OK;
}

struct set {
    struct phi_certificate *all[CTL_REPEAT_MAX];
    size_t count;
};

static enum phi_err set_read(const struct ctl_args *args, const char *name, struct set *set,
                             struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *path = NULL;
    while (err == PHI_OK && (path = ctl_get_nth(args, name, set->count)) != NULL) {
        err = ctl_read_certificate(path, &set->all[set->count], error);
        set->count += err == PHI_OK;
    }
    return err;
}

static void set_free(struct set *set)
{
    for (size_t i = 0; i < set->count; i++)
        phi_certificate_free(set->all[i]);
}

static enum phi_err check_of(const struct ctl_args *args, struct phi_certificate_check *check,
                             struct phi_trust_word *word, struct phi_error *error)
{
    int64_t now_us = phi_clock_now_us(NULL);
    if (phi_certificate_use_parse(ctl_get(args, "use"), &check->use) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--use", "not a use of keys");
    if (ctl_has(args, "at") &&
        phi_rfc3339_parse(phi_view_text(ctl_get(args, "at")), &now_us) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--at", "not a time of RFC 3339");
    check->now_s = now_us / 1000000;
    word->now_us = now_us;
    if (word->list != NULL) {
        check->status = phi_trust_certificate_status;
        check->context = word;
    }
    return PHI_OK;
}

static int run_verify(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    struct phi_error error = {.code = PHI_OK};
    struct phi_certificate *leaf = NULL;
    struct set roots = {.count = 0}, others = {.count = 0};
    struct phi_trust_list list;
    struct phi_trust_word word = {.list = NULL};
    struct phi_certificate_check check = {.roots = (const struct phi_certificate *const *)roots.all,
                                          .others =
                                              (const struct phi_certificate *const *)others.all};
    struct phi_arena *arena = phi_arena_new(LIST_ARENA);
    PHI_GUARD(arena == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(ctl_read_certificate(ctl_get(args, "in"), &leaf, &error));
    PHI_GUARD(set_read(args, "root", &roots, &error));
    PHI_GUARD(set_read(args, "through", &others, &error));
    check.root_count = roots.count;
    check.other_count = others.count;
    if (ctl_has(args, "trust-list")) {
        PHI_GUARD(ctl_trust_list_read(args, arena, &list, &error));
        word.list = &list;
    }
    PHI_GUARD(check_of(args, &check, &word, &error));
    PHI_GUARD(phi_certificate_verify(leaf, &check, &error));
    (void)printf("good=%s\nkey=%s\n", ctl_get(args, "use"), phi_certificate_info(leaf)->key_id);
out:
    set_free(&roots);
    set_free(&others);
    phi_certificate_free(leaf);
    phi_arena_free(arena);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

#define IN_OPTION                                                                                  \
    {                                                                                              \
        .name = "in", .value = "FILE", .is_required = true, .text = "a certificate, PEM or DER"    \
    }

static const struct ctl_option show_options[] = {IN_OPTION};

const struct ctl_command ctl_cert_show = {.group = "cert",
                                          .verb = "show",
                                          .about = "what a certificate says, believed or not",
                                          .options = show_options,
                                          .option_count = CTL_COUNT(show_options),
                                          .run = run_show};

static const struct ctl_option verify_options[] = {
    IN_OPTION,
    {.name = "use",
     .value = "USE",
     .is_required = true,
     .text = "what its key is to do: code, receipt, answer, …"},
    {.name = "root",
     .value = "FILE",
     .is_required = true,
     .repeats = true,
     .text = "a root that is trusted"},
    {.name = "through",
     .value = "FILE",
     .repeats = true,
     .text = "a CA that may stand between; not trusted by itself"},
    {.name = "at", .value = "TIME", .text = "RFC 3339 (default: now)"},
    CTL_TRUST_OPTIONS(false),
};

const struct ctl_command ctl_cert_verify = {.group = "cert",
                                            .verb = "verify",
                                            .about = "whether a certificate's key may do something",
                                            .options = verify_options,
                                            .option_count = CTL_COUNT(verify_options),
                                            .run = run_verify};
