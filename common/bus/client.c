#include "bus/bus_internal.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
    (void)handle;
    (void)text;
    phi_log(level <= 2 ? PHI_LOG_WARN : PHI_LOG_DEBUG, "bus_library",
            PHI_L_WORD("facility", facility), PHI_L_INT("severity", level));
}

enum phi_err phi_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                struct phi_error *error)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
        return PHI_OK;
    return phi_error_set(error, PHI_ERR_CONFIG, name, "refused by the bus library");
}

enum phi_err phi_kafka_conf_int(rd_kafka_conf_t *conf, const char *name, int64_t value,
                                struct phi_error *error)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    return phi_kafka_conf_set(conf, name, text, error);
}

static enum phi_err set_security(rd_kafka_conf_t *conf, const struct phi_bus_options *options,
                                 struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    bool has_user = options->username != NULL;
    bool has_tls = options->ca_file != NULL;
    if (!has_user && !has_tls)
        return PHI_OK;
    PHI_GUARD(phi_kafka_conf_set(conf, "security.protocol",
                                 has_user ? (has_tls ? "sasl_ssl" : "sasl_plaintext") : "ssl",
                                 error));
    if (has_tls)
        PHI_GUARD(phi_kafka_conf_set(conf, "ssl.ca.location", options->ca_file, error));
    if (has_user) {
        PHI_GUARD(phi_kafka_conf_set(conf, "sasl.mechanisms", "SCRAM-SHA-512", error));
        PHI_GUARD(phi_kafka_conf_set(conf, "sasl.username", options->username, error));
        PHI_GUARD(phi_kafka_conf_set(conf, "sasl.password",
                                     options->password ? options->password : "", error));
    }
out:
    return err;
}

enum phi_err phi_kafka_conf_new(const struct phi_bus_options *options, rd_kafka_conf_t **out,
                                struct phi_error *error)
{
    /* Short back-offs: a service is to be back within seconds of its broker. */
    static const char *const common[][2] = {
        {"reconnect.backoff.ms", "100"},
        {"reconnect.backoff.max.ms", "2000"},
        {"socket.keepalive.enable", "true"},
        {"socket.nagle.disable", "true"},
        {"socket.timeout.ms", "10000"},
        {"topic.metadata.refresh.interval.ms", "5000"},
        {"log_level", "4"},
    };
    enum phi_err err = PHI_OK;
    if (!options->brokers || !*options->brokers)
        return phi_error_set(error, PHI_ERR_CONFIG, "brokers", "no broker given");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
        PHI_GUARD(phi_kafka_conf_set(conf, common[i][0], common[i][1], error));
    PHI_GUARD(phi_kafka_conf_set(conf, "bootstrap.servers", options->brokers, error));
    if (options->client_id)
        PHI_GUARD(phi_kafka_conf_set(conf, "client.id", options->client_id, error));
    PHI_GUARD(set_security(conf, options, error));
    rd_kafka_conf_set_log_cb(conf, on_log);
    *out = conf;
    conf = NULL;
out:
    if (conf)
        rd_kafka_conf_destroy(conf);
    return err;
}

enum phi_err phi_kafka_open(rd_kafka_type_t type, rd_kafka_conf_t **conf, rd_kafka_t **out,
                            struct phi_error *error)
{
    char text[256];
    rd_kafka_t *handle = rd_kafka_new(type, *conf, text, sizeof(text));
    if (!handle)
        return phi_error_set(error, PHI_ERR_CONFIG, "bus", "refused by the bus library");
    *conf = NULL;
    *out = handle;
    return PHI_OK;
}

enum phi_err phi_kafka_err(rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return PHI_OK;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        return PHI_ERR_OVERLOAD;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return PHI_ERR_DEADLINE;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return PHI_ERR_BODY_TOO_LARGE;
    default:
        return PHI_ERR_BUS;
    }
}

bool phi_kafka_answers(rd_kafka_t *handle, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    if (rd_kafka_metadata(handle, 0, NULL, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    rd_kafka_metadata_destroy(metadata);
    return true;
}

enum phi_err phi_bus_cluster_id(const struct phi_bus_options *options, struct phi_deadline deadline,
                                char **out, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    rd_kafka_conf_t *conf = NULL;
    rd_kafka_t *handle = NULL;
    char *id = NULL;
    PHI_GUARD(phi_kafka_conf_new(options, &conf, error));
    PHI_GUARD(phi_kafka_open(RD_KAFKA_PRODUCER, &conf, &handle, error));
    id = rd_kafka_clusterid(handle, (int)phi_deadline_left_ms(deadline));
    if (!id) {
        err = phi_error_set(error, PHI_ERR_BUS, "brokers", "no broker answered");
        goto out;
    }
    *out = strdup(id);
    if (!*out)
        err = PHI_ERR_MEMORY;
out:
    if (id)
        rd_kafka_mem_free(handle, id);
    if (handle)
        rd_kafka_destroy(handle);
    if (conf)
        rd_kafka_conf_destroy(conf);
    return err;
}

void phi_bus_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

bool phi_bus_cond_wait(pthread_cond_t *cond, pthread_mutex_t *mutex, struct phi_deadline deadline)
{
    struct timespec until = {.tv_sec = deadline.at_us / 1000000,
                             .tv_nsec = deadline.at_us % 1000000 * 1000};
    return pthread_cond_timedwait(cond, mutex, &until) == 0;
}
