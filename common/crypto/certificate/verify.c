#include "crypto/certificate/own.h"

#include <openssl/err.h>

static const char *leaf_fault(const struct phi_certificate *leaf, enum phi_certificate_use use)
{
    uint32_t encrypts = KU_KEY_ENCIPHERMENT | KU_DATA_ENCIPHERMENT | KU_KEY_AGREEMENT;
    uint32_t wanted = use == PHI_CERTIFICATE_ENCRYPTION ? encrypts : KU_DIGITAL_SIGNATURE;
    if ((X509_get_extension_flags(leaf->x509) & EXFLAG_CA) != 0)
        return "a CA, not a certificate for a use";
    if ((leaf->info.uses & (1u << use)) == 0)
        return "for another use";
    if ((X509_get_key_usage(leaf->x509) & wanted) == 0)
        return "its key usage forbids it";
    return NULL;
}

static const char *ca_fault(const struct phi_certificate_info *info, enum phi_certificate_use use)
{
    if (!info->is_ca)
        return "not a CA";
    return info->uses != 0 && (info->uses & (1u << use)) == 0 ? "a CA for other uses" : NULL;
}

static const char *status_fault(const struct phi_certificate_check *check,
                                const struct phi_certificate_info *info)
{
    static const char *const faults[] = {[PHI_CERTIFICATE_GOOD] = NULL,
                                         [PHI_CERTIFICATE_SUSPENDED] = "suspended",
                                         [PHI_CERTIFICATE_REVOKED] = "revoked",
                                         [PHI_CERTIFICATE_UNLISTED] = "not in the trust list"};
    return check->status ? faults[check->status(check->context, info)] : NULL;
}

static const char *time_fault(const struct phi_certificate_info *info, int64_t now_s)
{
    if (now_s < info->from_s)
        return "not in force yet";
    return now_s > info->to_s ? "no longer in force" : NULL;
}

/* What OpenSSL doesn't know of: uses, the trust list's word, and that the last second is in force.
 * The last one of the chain is the root. */
static enum phi_err check_chain(STACK_OF(X509) * chain, const struct phi_certificate_check *check,
                                struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    struct phi_certificate_info info;
    for (int i = 0; i < sk_X509_num(chain); i++) {
        bool is_root = i == sk_X509_num(chain) - 1;
        PHI_GUARD(phi_certificate_info_of(sk_X509_value(chain, i), &info, error));
        const char *fault = time_fault(&info, check->now_s);
        if (!fault && i > 0)
            fault = ca_fault(&info, check->use);
        if (!fault && (!is_root || i == 0))
            fault = status_fault(check, &info);
        if (fault)
            return phi_error_set(error, PHI_ERR_KEY, info.subject, "%s", fault);
    }
out:
    return err;
}

static bool fill(X509_STORE *store, STACK_OF(X509) * others,
                 const struct phi_certificate_check *check)
{
    for (size_t i = 0; i < check->root_count; i++)
        if (X509_STORE_add_cert(store, check->roots[i]->x509) != 1)
            return false;
    for (size_t i = 0; i < check->other_count; i++)
        if (sk_X509_push(others, check->others[i]->x509) <= 0)
            return false;
    return true;
}

static enum phi_err chain_fault(X509_STORE_CTX *context, struct phi_error *error)
{
    char subject[PHI_CERTIFICATE_NAME_MAX + 1] = "certificate";
    X509 *whose = X509_STORE_CTX_get_current_cert(context);
    if (whose)
        phi_certificate_name_of(X509_get_subject_name(whose), subject);
    return phi_error_set(error, PHI_ERR_KEY, subject, "%s",
                         X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
}

enum phi_err phi_certificate_verify(const struct phi_certificate *leaf,
                                    const struct phi_certificate_check *check,
                                    struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const char *fault = leaf_fault(leaf, check->use);
    if (fault)
        return phi_error_set(error, PHI_ERR_KEY, leaf->info.subject, "%s", fault);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    STACK_OF(X509) *others = sk_X509_new_null();
    if (!store || !context || !others || !fill(store, others, check) ||
        X509_STORE_CTX_init(context, store, leaf->x509, others) != 1) {
        err = PHI_ERR_MEMORY;
        goto out;
    }
    X509_STORE_CTX_set_depth(context, PHI_CERTIFICATE_DEPTH_MAX);
    /* a root's own signature proves nothing, but one that doesn't verify is no certificate */
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_CHECK_SS_SIGNATURE | X509_V_FLAG_NO_CHECK_TIME);
    if (X509_verify_cert(context) == 1)
        err = check_chain(X509_STORE_CTX_get0_chain(context), check, error);
    else
        err = chain_fault(context, error);
out:
    sk_X509_free(others);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return err;
}
