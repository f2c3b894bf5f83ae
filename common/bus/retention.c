#include "bus/retention.h"

#include "base/text.h"
#include "bus/bus_internal.h"

#include <string.h>

static enum phi_err read_entries(const rd_kafka_ConfigResource_t *resource, int64_t *out)
{
    size_t count = 0;
    int64_t kept_ms = -1;
    bool is_compacted = false, is_there = false;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        if (value == NULL)
            continue;
        if (strcmp(name, "cleanup.policy") == 0)
            is_compacted = strstr(value, "delete") == NULL;
        if (strcmp(name, "retention.ms") == 0)
            is_there = phi_text_to_i64(phi_view_text(value), -1, INT64_MAX, &kept_ms) == PHI_OK;
    }
    *out = is_compacted ? -1 : kept_ms;
    return is_there || is_compacted ? PHI_OK : PHI_ERR_BUS;
}

static enum phi_err read_answer(rd_kafka_event_t *event, int64_t *out)
{
    size_t count = 0;
    if (event == NULL)
        return PHI_ERR_DEADLINE;
    if (rd_kafka_event_error(event))
        return phi_kafka_err(rd_kafka_event_error(event));
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(event);
    const rd_kafka_ConfigResource_t **resources =
        result == NULL ? NULL : rd_kafka_DescribeConfigs_result_resources(result, &count);
    if (count != 1)
        return PHI_ERR_BUS;
    if (rd_kafka_ConfigResource_error(resources[0]))
        return phi_kafka_err(rd_kafka_ConfigResource_error(resources[0]));
    return read_entries(resources[0], out);
}

enum phi_err phi_topic_retention_ms(const struct phi_bus_options *options, const char *topic,
                                    struct phi_deadline deadline, int64_t *out,
                                    struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;
    rd_kafka_queue_t *queue = NULL;
    rd_kafka_event_t *event = NULL;
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    PHI_GUARD(resource == NULL ? PHI_ERR_MEMORY : PHI_OK);
    PHI_GUARD(phi_kafka_conf_new(options, &conf, error));
    PHI_GUARD(phi_kafka_open(RD_KAFKA_PRODUCER, &conf, &handle, error));
    queue = rd_kafka_queue_new(handle);
    rd_kafka_DescribeConfigs(handle, &resource, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, (int)phi_deadline_left_ms(deadline));
    err = read_answer(event, out);
    if (err != PHI_OK)
        err = phi_error_set(error, err, topic, "how long it keeps records is not known");
out:
    if (event)
        rd_kafka_event_destroy(event);
    if (queue)
        rd_kafka_queue_destroy(queue);
    if (handle)
        rd_kafka_destroy(handle);
    if (conf)
        rd_kafka_conf_destroy(conf);
    if (resource)
        rd_kafka_ConfigResource_destroy(resource);
    return err;
}
