/* What the commands read from files, with their bounds. */
#ifndef PHI_PHICTL_FILES_H
#define PHI_PHICTL_FILES_H

#include "base/bytes.h"
#include "crypto/certificate.h"
#include "phictl/options.h"

#define CTL_LINE_MAX 4096

/* The first line, without its end. PHI_ERR_IO, PHI_ERR_KEY (is_secret, and the mode is wider than
 * 0600). */
enum phi_err ctl_read_line(const char *path, bool is_secret, char out[CTL_LINE_MAX + 1],
                           struct phi_error *error) PHI_MUST_USE;
/* The whole file ("-": stdin), at most `max` bytes; the caller frees. PHI_ERR_IO,
 * PHI_ERR_BODY_TOO_LARGE. */
enum phi_err ctl_read_all(const char *path, size_t max, uint8_t **out, size_t *len,
                          struct phi_error *error) PHI_MUST_USE;
/* Writes a new file; never overwrites one. PHI_ERR_IO. */
enum phi_err ctl_write_new(const char *path, int mode, const char *text,
                           struct phi_error *error) PHI_MUST_USE;
/* The SM2 key of option `name`, with the password of --password-file. The caller frees. */
enum phi_err ctl_read_key(const struct ctl_args *args, const char *name,
                          struct phi_sm2_private **out, struct phi_error *error) PHI_MUST_USE;
/* A certificate, PEM or DER; the caller frees it. In cert_verify.c. */
enum phi_err ctl_read_certificate(const char *path, struct phi_certificate **out,
                                  struct phi_error *error) PHI_MUST_USE;
/* A public key: a PEM file, or 128 hex digits. */
enum phi_err ctl_read_public(const char *text, uint8_t xy[PHI_SM2_PUBLIC_LEN],
                             struct phi_error *error) PHI_MUST_USE;

#endif
