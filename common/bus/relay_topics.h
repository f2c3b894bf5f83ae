/* Inside the room: which of the two buses a topic goes to. A regular expression says so, once for
 * each topic: a service has a few topics, and events by the thousand.
 *
 *   PHI_GUARD(phi_relay_topics_init(&topics, PHI_PLATFORM_TOPICS, error));
 *   bool is_platform = phi_relay_topics_match(&topics, event->topic);
 *   phi_relay_topics_fini(&topics);
 */
#ifndef PHI_BUS_RELAY_TOPICS_H
#define PHI_BUS_RELAY_TOPICS_H

#include "bus/event.h"

#include <regex.h>

#define PHI_RELAY_TOPICS_MAX 16

struct phi_relay_topics {
    char *pattern;
    regex_t regex;
    bool has_regex;
    size_t seen_count;
    struct {
        char topic[PHI_TOPIC_MAX + 1];
        bool is_match;
    } seen[PHI_RELAY_TOPICS_MAX];
};

/* Into zeroed memory. PHI_ERR_CONFIG: no regular expression; PHI_ERR_MEMORY. */
enum phi_err phi_relay_topics_init(struct phi_relay_topics *topics, const char *pattern,
                                   struct phi_error *error) PHI_MUST_USE;
void phi_relay_topics_fini(struct phi_relay_topics *topics); /* of zeroed memory too */
/* Under the owner's lock. */
bool phi_relay_topics_match(struct phi_relay_topics *topics, const char *topic);

#endif
