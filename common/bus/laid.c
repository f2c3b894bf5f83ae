#include "bus/laid.h"

void phi_laid_keep(struct phi_laid *laid, struct phi_arena *arena, const struct phi_event *events,
                   size_t count)
{
    phi_laid_clear(laid);
    *laid = (struct phi_laid){.arena = arena, .events = events, .count = count};
}

void phi_laid_offer(struct phi_laid *laid, struct phi_relay *relay)
{
    if (laid->count > 0)
        phi_relay_offer(relay, laid->events, laid->count);
    phi_laid_clear(laid);
}

void phi_laid_clear(struct phi_laid *laid)
{
    phi_arena_free(laid->arena);
    *laid = (struct phi_laid){.arena = NULL};
}
