#include "service/parts.h"

#include "bus/signed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void phi_service_set_state(struct phi_service *service, void *state)
{
    service->state = state;
}

void *phi_service_state(struct phi_service *service)
{
    return service->state;
}

const struct phi_config *phi_service_config(struct phi_service *service)
{
    return service->config;
}

const char *phi_service_region(struct phi_service *service)
{
    return phi_config_text(service->config, "PHI_REGION");
}

const char *phi_service_program(struct phi_service *service)
{
    return service->program->name;
}

const char *phi_service_source(struct phi_service *service)
{
    return service->source;
}

const struct phi_clock *phi_service_clock(struct phi_service *service)
{
    (void)service;
    return &phi_clock_system;
}

struct phi_store *phi_service_store(struct phi_service *service)
{
    return service->store;
}

struct phi_lane *phi_service_lane(struct phi_service *service)
{
    return service->lane;
}

struct phi_registry *phi_service_registry(struct phi_service *service)
{
    return service->registry;
}

struct phi_identities *phi_service_identities(struct phi_service *service)
{
    return service->identities;
}

struct phi_trust *phi_service_trust(struct phi_service *service)
{
    return service->trust;
}

struct phi_producer *phi_service_producer(struct phi_service *service)
{
    return service->producer;
}

struct phi_relay *phi_service_relay(struct phi_service *service)
{
    return service->relay;
}

enum phi_err phi_service_sign_event(struct phi_service *service, struct phi_event *event,
                                    uint64_t version, struct phi_arena *arena)
{
    const struct phi_signer signer = {.key_serial = service->answer_serial,
                                      .key = service->answer_key};
    return phi_signed_add(event, &signer, version, arena);
}

void phi_service_set_answer_seal(struct phi_service *service, const struct phi_seal_key *key)
{
    service->answer_seal = key;
}

static const char *topic_find(const struct phi_service *service, const char *topic)
{
    for (size_t i = 0; i < service->topic_count; i++)
        if (strcmp(service->topics[i], topic) == 0)
            return service->topics[i];
    return NULL;
}

const char *phi_service_topic(struct phi_service *service, const char *stream)
{
    char topic[PHI_TOPIC_MAX];
    snprintf(topic, sizeof(topic), "phi.%s.%s", phi_service_region(service), stream);
    pthread_mutex_lock(&service->lock);
    const char *found = topic_find(service, topic);
    if (found == NULL) {
        char *copy = strdup(topic);
        assert(service->topic_count < PHI_SERVICE_TOPICS_MAX);
        if (copy == NULL || service->topic_count == PHI_SERVICE_TOPICS_MAX)
            abort();
        service->topics[service->topic_count++] = copy;
        found = copy;
    }
    pthread_mutex_unlock(&service->lock);
    return found;
}

static struct phi_service_degraded *degraded_slot(struct phi_service *service, const char *part)
{
    for (size_t i = 0; i < service->degraded_count; i++)
        if (strcmp(service->degraded[i].part, part) == 0)
            return &service->degraded[i];
    assert(service->degraded_count < PHI_SERVICE_DEGRADED_MAX);
    struct phi_service_degraded *slot = &service->degraded[service->degraded_count++];
    slot->part = part;
    return slot;
}

void phi_service_set_degraded(struct phi_service *service, const char *part, bool degraded)
{
    pthread_mutex_lock(&service->lock);
    struct phi_service_degraded *slot = degraded_slot(service, part);
    bool is_changed = slot->is_set != degraded;
    slot->is_set = degraded;
    pthread_mutex_unlock(&service->lock);
    if (is_changed)
        phi_log(degraded ? PHI_LOG_WARN : PHI_LOG_INFO, degraded ? "degraded" : "recovered",
                PHI_L_WORD("part", part));
}

static struct phi_bus_options bus_of(struct phi_service *service, const char *brokers,
                                     const char *user, const char *password, const char *ca)
{
    const struct phi_config *config = service->config;
    return (struct phi_bus_options){.brokers = phi_config_text(config, brokers),
                                    .client_id = service->program->name,
                                    .username = phi_config_text(config, user),
                                    .password = phi_config_text(config, password),
                                    .ca_file = phi_config_text(config, ca)};
}

struct phi_bus_options phi_service_bus(struct phi_service *service)
{
    return bus_of(service, "PHI_BUS", "PHI_BUS_USER", "PHI_BUS_PASSWORD_FILE", "PHI_BUS_CA_FILE");
}

struct phi_bus_options phi_service_platform_bus(struct phi_service *service)
{
    return bus_of(service, "PHI_PLATFORM_BUS", "PHI_PLATFORM_BUS_USER",
                  "PHI_PLATFORM_BUS_PASSWORD_FILE", "PHI_PLATFORM_BUS_CA_FILE");
}
