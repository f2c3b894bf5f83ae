/* RPC clients of other platforms, found where the trust list in force says: one for each platform
 * that was asked before, kept until the end.
 *
 *   PHI_GUARD(phi_neighbours_open(PHI_TRUST_VERIFY, curve_secret, &neighbours));
 *   struct phi_rpc_client *client = phi_neighbours_client(neighbours, trust_view, "330000");
 *   if (client != NULL) … phi_rpc_call_start(client, …)
 *   phi_neighbours_close(neighbours);
 */
#ifndef PHI_SERVICE_NEIGHBOURS_H
#define PHI_SERVICE_NEIGHBOURS_H

#include "auth/trust.h"
#include "rpc/client.h"

struct phi_neighbours;

/* `service` says which of a platform's endpoints are meant; the secret key is copied. Errors:
 * PHI_ERR_MEMORY. */
enum phi_err phi_neighbours_open(enum phi_trust_service service,
                                 const uint8_t secret_key[PHI_CURVE_KEY_LEN],
                                 struct phi_neighbours **out) PHI_MUST_USE;
/* Closes the clients; NULL is fine. */
void phi_neighbours_close(struct phi_neighbours *neighbours);

/* The client of an active platform, following its endpoints through versions of the list; NULL:
 * unknown, suspended, without an endpoint of this service, or too many platforms (64). Lives until
 * phi_neighbours_close. A lock, long only at a platform's first use; any thread. */
struct phi_rpc_client *phi_neighbours_client(struct phi_neighbours *neighbours,
                                             const struct phi_trust_view *trust, const char *id);

#endif
