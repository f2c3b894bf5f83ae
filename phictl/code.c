#include "codes/jkm1.h"
#include "phictl/commands.h"
#include "phictl/files.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void print_hex(const char *name, const uint8_t *bytes, size_t len)
{
    (void)printf("%s=", name);
    for (size_t i = 0; i < len; i++)
        (void)printf("%02x", bytes[i]);
    (void)printf("\n");
}

static void print_code(const struct phi_jkm1 *code)
{
    char deadline[PHI_RFC3339_MAX];
    phi_rfc3339_format(code->deadline_s * 1000000, deadline);
    (void)printf("type=JKM1\nversion=%u\nplatform=%s\ndeadline=%s\nexpired=%s\n", code->version,
                 code->platform, deadline,
                 phi_jkm1_is_expired(code, phi_clock_now_us(NULL) / 1000000) ? "yes" : "no");
    print_hex("consent_digest", code->consent_digest, sizeof(code->consent_digest));
    if (code->is_own_form) {
        (void)printf("key_set=%u\n", code->key_set);
        print_hex("serial", code->serial, sizeof(code->serial));
        print_hex("sealed", code->sealed.data, code->sealed.len);
    } else {
        (void)printf("opaque=%zu bytes\n", code->a.len);
    }
    print_hex("signature", code->sig, PHI_SM2_SIG_LEN);
}

static enum phi_err check_signature(const struct phi_jkm1 *code, const char *given,
                                    struct phi_error *error)
{
    uint8_t xy[PHI_SM2_PUBLIC_LEN];
    struct phi_sm2_public *key = NULL;
    enum phi_err err = PHI_OK;
    PHI_GUARD(ctl_read_public(given, xy, error));
    PHI_GUARD(phi_sm2_public_new(xy, &key));
    PHI_GUARD(phi_jkm1_verify(code, key));
    (void)printf("signature_verifies=yes\n");
out:
    phi_sm2_public_free(key);
    return err;
}

static int run(const struct ctl_args *args)
{
    static uint8_t bytes[PHI_JKM1_MAX];
    static char text[PHI_JKM1_TEXT_MAX + 2];
    size_t len = 0;
    struct phi_jkm1 code;
    struct phi_error error = {.code = PHI_OK};
    enum phi_err err = PHI_OK;
    const char *given = args->positional;
    if (strcmp(given, "-") == 0) {
        if (fgets(text, sizeof(text), stdin) == NULL)
            return ctl_fail(PHI_ERR_CODE_MALFORMED, NULL);
        text[strcspn(text, "\r\n")] = '\0';
        given = text;
    }
    PHI_GUARD(phi_jkm1_text_decode(phi_view_text(given), bytes, sizeof(bytes), &len));
    PHI_GUARD(phi_jkm1_decode(phi_view_of(bytes, len), &code, &error));
    print_code(&code);
    if (ctl_has(args, "public"))
        PHI_GUARD(check_signature(&code, ctl_get(args, "public"), &error));
out:
    return err == PHI_OK ? CTL_OK : ctl_fail(err, &error);
}

static const struct ctl_option options[] = {
    {.name = "public",
     .value = "PEM|HEX",
     .text = "the platform's code key: the signature is checked"},
};

const struct ctl_command ctl_code_decode = {
    .group = "code",
    .verb = "decode",
    .about = "show what a health code's text says (- reads stdin)",
    .positional = "TEXT",
    .options = options,
    .option_count = CTL_COUNT(options),
    .run = run};
