#include "bus/relay_topics.h"

#include <stdlib.h>
#include <string.h>

enum phi_err phi_relay_topics_init(struct phi_relay_topics *topics, const char *pattern,
                                   struct phi_error *error)
{
    topics->pattern = strdup(pattern);
    if (!topics->pattern)
        return PHI_ERR_MEMORY;
    topics->has_regex = regcomp(&topics->regex, pattern, REG_EXTENDED | REG_NOSUB) == 0;
    if (!topics->has_regex)
        return phi_error_set(error, PHI_ERR_CONFIG, "platform_topics", "not a regular expression");
    return PHI_OK;
}

void phi_relay_topics_fini(struct phi_relay_topics *topics)
{
    if (topics->has_regex)
        regfree(&topics->regex);
    free(topics->pattern);
}

bool phi_relay_topics_match(struct phi_relay_topics *topics, const char *topic)
{
    for (size_t i = 0; i < topics->seen_count; i++) {
        if (strcmp(topics->seen[i].topic, topic) == 0)
            return topics->seen[i].is_match;
    }
    bool is_match = regexec(&topics->regex, topic, 0, NULL, 0) == 0;
    if (topics->seen_count < PHI_RELAY_TOPICS_MAX && strlen(topic) <= PHI_TOPIC_MAX) {
        stpcpy(topics->seen[topics->seen_count].topic, topic);
        topics->seen[topics->seen_count++].is_match = is_match;
    }
    return is_match;
}
