/* phi-broker: the small embedded broker of a first look, librdkafka's mock cluster as a program.
 * In memory, trimmed at about 5 MB a partition, no compaction, no access control: no promise rests
 * on it.
 *
 *   phi-broker --partitions 8 --state broker.address --topics phi.registry:1,phi.320000.audit
 *
 * Topics that are not listed come by themselves, with the mock cluster's four partitions. */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PARTITIONS_MAX 1024
#define TOPIC_MAX      249

struct options {
    int partitions;
    const char *state;
    char *topics;
};

static int usage(FILE *to, int code)
{
    fputs("usage: phi-broker --state FILE [--partitions N] [--topics NAME[:N],NAME[:N]...]\n"
          "  --state FILE     the bootstrap address (host:port) is written here, whole or not at "
          "all\n"
          "  --partitions N   partitions of a listed topic without a number of its own, 1..1024 "
          "(default 4)\n"
          "  --topics LIST    topics made at start; others come on demand with 4 partitions\n",
          to);
    return code;
}

static bool parse_count(const char *text, int *out)
{
    char *end = NULL;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < 1 || value > PARTITIONS_MAX)
        return false;
    *out = (int)value;
    return true;
}

/* 0: go on; otherwise leave with that exit code, less one. */
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option rows[] = {{"partitions", required_argument, NULL, 'p'},
                                         {"state", required_argument, NULL, 's'},
                                         {"topics", required_argument, NULL, 't'},
                                         {"help", no_argument, NULL, 'h'},
                                         {NULL, 0, NULL, 0}};
    int c;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): no thread is there yet */
    while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1) {
        if (c == 'h')
            return 1 + usage(stdout, 0);
        if (c == 's')
            options->state = optarg;
        else if (c == 't')
            options->topics = optarg;
        else if (c != 'p')
            return 1 + usage(stderr, 2);
        else if (!parse_count(optarg, &options->partitions)) {
            fputs("phi-broker: --partitions: not a number from 1 to 1024\n", stderr);
            return 1 + 2;
        }
    }
    if (optind < argc || !options->state)
        return 1 + usage(stderr, 2);
    return 0;
}

static bool topic_is_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= TOPIC_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static bool create_topic(rd_kafka_mock_cluster_t *cluster, char *item, int partitions)
{
    char *colon = strchr(item, ':');
    if (colon) {
        *colon = '\0';
        if (!parse_count(colon + 1, &partitions)) {
            fprintf(stderr, "phi-broker: --topics: %s: not a number from 1 to 1024\n", item);
            return false;
        }
    }
    if (!topic_is_valid(item)) {
        fputs("phi-broker: --topics: not a topic's name\n", stderr);
        return false;
    }
    rd_kafka_resp_err_t err = rd_kafka_mock_topic_create(cluster, item, partitions, 1);
    if (err && err != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        fprintf(stderr, "phi-broker: %s: %s\n", item, rd_kafka_err2str(err));
        return false;
    }
    return true;
}

static bool create_topics(rd_kafka_mock_cluster_t *cluster, const struct options *options)
{
    char *rest = options->topics;
    for (char *item; rest && (item = strsep(&rest, ","));)
        if (*item && !create_topic(cluster, item, options->partitions))
            return false;
    return true;
}

/* Whoever waits for the file sees it whole or not at all. */
static bool write_state(const char *path, const char *address)
{
    char temp[4096];
    if ((size_t)snprintf(temp, sizeof(temp), "%s.%ld", path, (long)getpid()) >= sizeof(temp))
        return false;
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return false;
    bool ok = dprintf(fd, "%s\n", address) > 0 && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temp, path) == 0;
    if (!ok)
        (void)unlink(temp);
    return ok;
}

static rd_kafka_t *make_handle(void)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    /* It would warn that this handle, which only holds the cluster, has no broker to talk to. */
    (void)rd_kafka_conf_set(conf, "log_level", "3", text, sizeof(text));
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    if (!handle) {
        rd_kafka_conf_destroy(conf);
        fprintf(stderr, "phi-broker: %s\n", text);
    }
    return handle;
}

static int serve(rd_kafka_mock_cluster_t *cluster, const struct options *options,
                 const sigset_t *stop)
{
    if (!create_topics(cluster, options))
        return 2;
    const char *address = rd_kafka_mock_cluster_bootstraps(cluster);
    if (!write_state(options->state, address)) {
        fprintf(stderr, "phi-broker: --state: %m\n");
        return 1;
    }
    printf("phi-broker: listening on %s; everything is in memory and NOT durable\n", address);
    fflush(stdout);
    int got;
    while (sigwait(stop, &got) != 0)
        ;
    (void)unlink(options->state);
    return 0;
}

int main(int argc, char **argv)
{
    struct options options = {.partitions = 4};
    int leave = parse_options(argc, argv, &options);
    if (leave)
        return leave - 1;

    /* Blocked before any thread is there, so that only sigwait sees them. */
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);

    int code = 1;
    rd_kafka_mock_cluster_t *cluster = NULL;
    rd_kafka_t *handle = make_handle();
    if (!handle)
        goto out;
    cluster = rd_kafka_mock_cluster_new(handle, 1);
    if (!cluster) {
        fputs("phi-broker: the cluster could not be made\n", stderr);
        goto out;
    }
    code = serve(cluster, &options, &stop);
out:
    if (cluster)
        rd_kafka_mock_cluster_destroy(cluster);
    if (handle)
        rd_kafka_destroy(handle);
    return code;
}
