/* Keys on their way (密钥分发): a bundle tells the world a public half, a parcel brings one recipient
 * a whole key.
 *
 *   PHI_GUARD(key_parcel_open(args, &content, &entry, &error));       // key store --unseal-key
 *   PHI_GUARD(key_bundle_read(path, &bundle, &error));               // platform key --bundle
 *   json_decref(bundle);
 */
#ifndef PHI_PHICTL_KEY_PARCEL_H
#define PHI_PHICTL_KEY_PARCEL_H

#include "crypto/custody.h"
#include "phictl/options.h"

#include <jansson.h>

/* The parcel --in, opened with --unseal-key; the entry's file is the sender's name for it. The
 * caller wipes `content`. PHI_ERR_KEY (not a parcel, or not what it says), PHI_ERR_DATA_BROKEN
 * (altered, or for another recipient), PHI_ERR_IO. */
enum phi_err key_parcel_open(const struct ctl_args *args, struct phi_key_content *content,
                             struct phi_key_entry *entry, struct phi_error *error) PHI_MUST_USE;

/* {"use","keySetId","serial","public","from"?,"to"?}: the key's part of a trust list, after the
 * bundle's own signature, which shows that its sender has the private half, was verified. The
 * caller frees it. PHI_ERR_IO, PHI_ERR_JSON, PHI_ERR_FIELD_VALUE, PHI_ERR_SIGNATURE. */
enum phi_err key_bundle_read(const char *path, json_t **out, struct phi_error *error) PHI_MUST_USE;

#endif
