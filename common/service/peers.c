#include "service/parts.h"

#include "codes/scope.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t scope_bits(const struct phi_words *words)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < words->count; i++) {
        enum phi_scope scope;
        if (phi_scope_parse(phi_view_text(words->items[i]), &scope) == PHI_OK)
            bits |= 1u << scope;
    }
    return bits;
}

static struct phi_rpc_allowed allowed_of(const struct phi_registry_peer *peer)
{
    struct phi_rpc_allowed row = {.peer.scopes = scope_bits(&peer->scopes)};
    memcpy(row.public_key, peer->curve, PHI_CURVE_KEY_LEN);
    snprintf(row.peer.platform, sizeof(row.peer.platform), "%s", peer->platform);
    snprintf(row.peer.program, sizeof(row.peer.program), "%s", peer->program);
    return row;
}

enum phi_err phi_service_allow_peers(struct phi_service *service, struct phi_rpc_allow_list *allow)
{
    /* A callback of the registry may come before phi_registry_open has handed it out. */
    if (service->registry == NULL)
        return PHI_OK;
    const struct phi_registry_view *view = phi_registry_acquire(service->registry);
    size_t count = 0;
    while (phi_registry_peer_at(view, count) != NULL)
        count++;
    struct phi_rpc_allowed *rows = calloc(count + 1, sizeof(*rows));
    enum phi_err err = rows == NULL ? PHI_ERR_MEMORY : PHI_OK;
    for (size_t i = 0; err == PHI_OK && i < count; i++)
        rows[i] = allowed_of(phi_registry_peer_at(view, i));
    if (err == PHI_OK)
        err = phi_rpc_allow_list_swap(allow, rows, count);
    phi_registry_release(view);
    free(rows);
    return err;
}

enum phi_err phi_service_key_curve(struct phi_service *service, const char *variable,
                                   uint8_t out[PHI_CURVE_KEY_LEN], struct phi_error *error)
{
    const char *text = phi_config_text(service->config, variable);
    if (phi_curve_parse(phi_view_text(text), out) != PHI_OK)
        return phi_error_set(error, PHI_ERR_KEY, variable, "not a CURVE key in Z85 or hex");
    return PHI_OK;
}
