/* Certificates: what is made. cert_verify.c looks at what there is. */
#include "base/text.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <stdio.h>
#include <stdlib.h>

#define DAYS_MAX 36500
#define DAY_S    86400
/* Clocks differ: what is issued now counts at neighbours whose clock is this much behind. */
#define BACK_S 300

static enum phi_err write_pem(const char *path, const char *pem, struct phi_error *error)
{
    enum phi_err err = ctl_write_new(path, 0644, pem, error);
    if (err == PHI_OK)
        (void)printf("wrote=%s\n", path);
    return err;
}

static struct phi_certificate_name name_of(const struct ctl_args *args)
{
    return (struct phi_certificate_name){.organization = ctl_get(args, "organization"),
                                         .common = ctl_get(args, "name")};
}

static enum phi_err uses_of(const struct ctl_args *args, unsigned *out, struct phi_error *error)
{
    enum phi_certificate_use use;
    *out = 0;
    for (size_t i = 0; ctl_get_nth(args, "use", i) != NULL; i++) {
        if (phi_certificate_use_parse(ctl_get_nth(args, "use", i), &use) != PHI_OK)
            return phi_error_set(error, PHI_ERR_FIELD_VALUE, "--use", "not a use of keys");
        *out |= 1u << use;
    }
    return PHI_OK;
}

static enum phi_err number_of(const struct ctl_args *args, const char *name, int64_t min,
                              int64_t max, int64_t *out, struct phi_error *error)
{
    if (phi_text_to_i64(phi_view_text(ctl_get(args, name)), min, max, out) != PHI_OK)
        return phi_error_set(error, PHI_ERR_FIELD_VALUE, name, "not %lld to %lld", (long long)min,
                             (long long)max);
    return PHI_OK;
}

static enum phi_err terms_of(const struct ctl_args *args, bool is_ca,
                             struct phi_certificate_terms *out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    int64_t days = 0, path_len = PHI_CERTIFICATE_ANY_PATH;
    int64_t now_s = phi_clock_now_us(NULL) / 1000000;
    *out = (struct phi_certificate_terms){.is_ca = is_ca, .from_s = now_s - BACK_S};
    PHI_GUARD(number_of(args, "days", 1, DAYS_MAX, &days, error));
    if (is_ca && ctl_has(args, "path-length"))
        PHI_GUARD(number_of(args, "path-length", 0, PHI_CERTIFICATE_DEPTH_MAX, &path_len, error));
    PHI_GUARD(uses_of(args, &out->uses, error));
    out->path_len = (int)path_len;
    out->to_s = now_s + days * DAY_S;
out:
    return err;
}

static int run_request(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    char pem[PHI_CERTIFICATE_BYTES_MAX];
    struct phi_sm2_private *key = NULL;
    struct phi_error error = {.code = PHI_OK};
    const struct phi_certificate_name name = name_of(args);
    PHI_GUARD(ctl_read_key(args, "key", &key, &error));
    PHI_GUARD(phi_certificate_request(key, &name, pem, sizeof(pem), &error));
    PHI_GUARD(write_pem(ctl_get(args, "out"), pem, &error));
out:
    phi_sm2_private_free(key);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static int run_ca(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    char pem[PHI_CERTIFICATE_BYTES_MAX];
    struct phi_sm2_private *key = NULL;
    struct phi_error error = {.code = PHI_OK};
    struct phi_certificate_terms terms;
    const struct phi_certificate_name name = name_of(args);
    PHI_GUARD(terms_of(args, true, &terms, &error));
    PHI_GUARD(ctl_read_key(args, "key", &key, &error));
    PHI_GUARD(phi_certificate_root(key, &name, &terms, pem, sizeof(pem), &error));
    PHI_GUARD(write_pem(ctl_get(args, "out"), pem, &error));
out:
    phi_sm2_private_free(key);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static int run_issue(const struct ctl_args *args)
{
    enum phi_err err = PHI_OK;
    char pem[PHI_CERTIFICATE_BYTES_MAX];
    uint8_t *request = NULL;
    size_t request_len = 0;
    struct phi_sm2_private *key = NULL;
    struct phi_certificate *ca = NULL;
    struct phi_error error = {.code = PHI_OK};
    struct phi_certificate_terms terms;
    PHI_GUARD(terms_of(args, ctl_has(args, "sub-ca"), &terms, &error));
    PHI_GUARD(ctl_read_certificate(ctl_get(args, "ca"), &ca, &error));
    PHI_GUARD(ctl_read_all(ctl_get(args, "request"), PHI_CERTIFICATE_BYTES_MAX, &request,
                           &request_len, &error));
    PHI_GUARD(ctl_read_key(args, "key", &key, &error));
    PHI_GUARD(phi_certificate_issue(ca, key, phi_view_of(request, request_len), &terms, pem,
                                    sizeof(pem), &error));
    PHI_GUARD(write_pem(ctl_get(args, "out"), pem, &error));
out:
    free(request);
    phi_certificate_free(ca);
    phi_sm2_private_free(key);
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

#define NAME_OPTIONS                                                                               \
    {.name = "organization",                                                                       \
     .value = "NAME",                                                                              \
     .is_required = true,                                                                          \
     .text = "whose key it is, 1 to 64 characters"},                                               \
    {                                                                                              \
        .name = "name", .value = "NAME", .is_required = true,                                      \
        .text = "common name, 1 to 64 characters, such as \"320000 code 1\""                       \
    }
#define OUT_OPTION                                                                                 \
    {                                                                                              \
        .name = "out", .value = "FILE", .is_required = true,                                       \
        .text = "the new file, PEM; never overwritten"                                             \
    }
#define DAYS_OPTION                                                                                \
    {                                                                                              \
        .name = "days", .value = "N", .is_required = true, .text = "in force for so many days"     \
    }
#define PATH_OPTION                                                                                \
    {                                                                                              \
        .name = "path-length", .value = "N",                                                       \
        .text = "of a CA: at most so many CAs below it (default: any number)"                      \
    }

static const struct ctl_option request_options[] = {
    {.name = "key", .value = "FILE", .is_required = true, .text = "the SM2 key to certify"},
    CTL_PASSWORD,
    NAME_OPTIONS,
    OUT_OPTION,
};

const struct ctl_command ctl_cert_request = {.group = "cert",
                                             .verb = "request",
                                             .about = "ask for a certificate of a key",
                                             .options = request_options,
                                             .option_count = CTL_COUNT(request_options),
                                             .run = run_request};

static const struct ctl_option ca_options[] = {
    {.name = "key", .value = "FILE", .is_required = true, .text = "the SM2 key of the new CA"},
    CTL_PASSWORD,
    NAME_OPTIONS,
    DAYS_OPTION,
    PATH_OPTION,
    {.name = "use",
     .value = "USE",
     .repeats = true,
     .text = "certify keys for this use only (default: any)"},
    OUT_OPTION,
};

const struct ctl_command ctl_cert_ca = {.group = "cert",
                                        .verb = "ca",
                                        .about = "begin a CA: a root certificate of a key",
                                        .options = ca_options,
                                        .option_count = CTL_COUNT(ca_options),
                                        .run = run_ca};

static const struct ctl_option issue_options[] = {
    {.name = "ca", .value = "FILE", .is_required = true, .text = "the CA's certificate"},
    {.name = "key", .value = "FILE", .is_required = true, .text = "the CA's SM2 key"},
    CTL_PASSWORD,
    {.name = "request",
     .value = "FILE",
     .is_required = true,
     .text = "what phictl cert request made"},
    {.name = "use",
     .value = "USE",
     .repeats = true,
     .text = "code, receipt, revocation, directory, correction, answer, encryption, trust, access "
             "or app"},
    {.name = "sub-ca", .text = "certify a CA below this one, for the uses given or any"},
    PATH_OPTION,
    DAYS_OPTION,
    OUT_OPTION,
};

const struct ctl_command ctl_cert_issue = {.group = "cert",
                                           .verb = "issue",
                                           .about = "certify the key of a request",
                                           .options = issue_options,
                                           .option_count = CTL_COUNT(issue_options),
                                           .run = run_issue};
