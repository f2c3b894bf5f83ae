/* A letter on intake.<app>: lines of one kind from a trusted institution, SM2-sealed to this
 * program and signed by the app's key.
 *
 *   value = {"kind": "tests", "key": base64, "lines": base64}
 *   key   = SM2 envelope (crypto/envelope.h) to this program's intake key of a data key of 16 to 64
 *           bytes
 *   lines = sealed bytes (crypto/seal.h) of the NDJSON under that data key: key id 0, context
 *           "intake.lines", subject the first 16 bytes of SM3(topic)
 *   headers phi-key, phi-version, phi-signature as on every signed topic (bus/signed.h)
 *
 *   PHI_GUARD(letter_open(msg, app, key, now_us, arena, &letter, error));
 *
 * And what the nation compared (border, rail, customs), on intake.000000 of the platform bus:
 * signed by an answer key that the trust list has for 000000, and sealed to each encryption key
 * that it has for this province:
 *
 *   value = {"kind": "border", "institution": word, "keys": [{"serial", "key"}], "lines": base64}
 *
 *   PHI_GUARD(letter_open_national(msg, nation, key, now_us, arena, &letter, error));
 *
 * Pure; any thread.
 */
#ifndef SVC_DECLARE_LETTER_H
#define SVC_DECLARE_LETTER_H

#include "auth/registry.h"
#include "auth/trust.h"
#include "bus/event.h"
#include "forms/kinds.h"

#define LETTER_ROLE "intake" /* that an app must have */

struct letter {
    const struct form_kind *kind; /* set as soon as it is known, also when opening fails later */
    struct phi_view lines;        /* the arena's */
    const char *institution;      /* of a national letter: "000000." and who compared; else NULL */
};

/* PHI_ERR_FORBIDDEN (suspended, without the role or the kind's right), PHI_ERR_UNSIGNED,
 * PHI_ERR_HEADER, PHI_ERR_KEY, PHI_ERR_SIGNATURE, PHI_ERR_JSON, PHI_ERR_FIELD_*,
 * PHI_ERR_DATA_BROKEN (not sealed to this key, or altered); ours: PHI_ERR_MEMORY, PHI_ERR_CRYPTO.
 */
enum phi_err letter_open(const struct phi_msg *msg, const struct phi_registry_app *app,
                         const struct phi_sm2_private *key, int64_t now_us, struct phi_arena *arena,
                         struct letter *out, struct phi_error *error) PHI_MUST_USE;

/* `nation`: what the trust list has of 000000, NULL without. PHI_ERR_FORBIDDEN (not there, or
 * suspended), PHI_ERR_KEY also when it is sealed to others only; others as letter_open. */
enum phi_err letter_open_national(const struct phi_msg *msg,
                                  const struct phi_trust_platform *nation,
                                  const struct phi_sm2_private *key, int64_t now_us,
                                  struct phi_arena *arena, struct letter *out,
                                  struct phi_error *error) PHI_MUST_USE;

#endif
