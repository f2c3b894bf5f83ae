#include "service/parts.h"

#include "base/memory.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum exit_status { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

static int print_usage_error(const struct phi_service *service, const struct phi_error *error)
{
    fprintf(stderr, "%s: %s: %s (--help lists the variables)\n", service->program->name,
            error->place, error->text);
    return EXIT_USAGE;
}

static enum phi_log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum phi_log_level)i;
    return PHI_LOG_INFO;
}

static void open_log(struct phi_service *service)
{
    bool is_json = strcmp(phi_config_text(service->config, "PHI_LOG_FORMAT"), "json") == 0;
    phi_log_open(service->program->name, is_json ? PHI_LOG_JSON : PHI_LOG_LOGFMT,
                 level_of(phi_config_text(service->config, "PHI_LOG_LEVEL")), STDERR_FILENO);
}

/* Memory of this process holds keys: no core dumps, no ptrace by others, no files readable by
 * others. */
static void harden(void)
{
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    umask(077);
}

static enum phi_err drop_privileges(struct phi_service *service, struct phi_error *error)
{
    const char *name = phi_config_text(service->config, "PHI_USER");
    if (name == NULL || geteuid() != 0)
        return PHI_OK;
    char names[4096];
    struct passwd entry, *user = NULL;
    if (getpwnam_r(name, &entry, names, sizeof(names), &user) != 0 || user == NULL)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_USER", "no such user");
    if (initgroups(name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0)
        return phi_error_set(error, PHI_ERR_CONFIG, "PHI_USER", "can't become this user");
    return PHI_OK;
}

static enum phi_err open_http(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    const struct phi_config *config = service->config;
    size_t business = service->program->route_count;
    service->http_routes = calloc(business + 4, sizeof(*service->http_routes));
    PHI_GUARD(service->http_routes == NULL ? PHI_ERR_MEMORY : PHI_OK);
    size_t ops = phi_service_ops_routes(service, service->http_routes);
    PHI_GUARD(phi_api_open(service, service->http_routes + ops, &service->api));
    struct phi_http_options options = {
        .address = phi_config_text(config, "PHI_HTTP_ADDRESS"),
        .port = (uint16_t)phi_config_int(config, "PHI_HTTP_PORT"),
        .io_threads = (unsigned)phi_config_int(config, "PHI_HTTP_IO_THREADS"),
        .workers = (unsigned)phi_config_int(config, "PHI_HTTP_WORKERS"),
        .queue_max = (size_t)phi_config_int(config, "PHI_HTTP_QUEUE"),
        .connections_max = (unsigned)phi_config_int(config, "PHI_HTTP_CONNECTIONS"),
        .header_deadline_ms = phi_config_int(config, "PHI_HTTP_HEADER_MS"),
        .total_deadline_ms = phi_config_int(config, "PHI_HTTP_DEADLINE_MS"),
        .routes = service->http_routes,
        .route_count = business + ops,
    };
    PHI_GUARD(phi_http_open(&options, &service->http, error));
out:
    return err;
}

static enum phi_err start(struct phi_service *service, struct phi_error *error)
{
    enum phi_err err = PHI_OK;
    PHI_GUARD(phi_service_open_parts(service, error));
    if (service->program->open != NULL)
        PHI_GUARD(service->program->open(service, error));
    PHI_GUARD(drop_privileges(service, error));
    PHI_GUARD(phi_service_keeper_start(service));
    if (service->program->start != NULL)
        PHI_GUARD(service->program->start(service, error));
    PHI_GUARD(open_http(service, error));
    phi_log(PHI_LOG_INFO, "ready", PHI_L_WORD("region", phi_service_region(service)),
            PHI_L_INT("port", phi_config_int(service->config, "PHI_HTTP_PORT")));
out:
    return err;
}

/* What was accepted is finished and committed before what it needs is taken away. */
static void drain(struct phi_service *service)
{
    struct phi_deadline until = phi_deadline_in_ms(phi_config_int(service->config, "PHI_DRAIN_MS"));
    if (service->http != NULL)
        phi_http_stop_accepting(service->http);
    if (service->program->stop != NULL)
        service->program->stop(service, until);
    phi_http_close(service->http, until);
    phi_service_keeper_stop(service); /* it shuts and opens the lane's outbox */
    phi_lane_close(service->lane);
    phi_api_close(service->api);
    phi_service_close_callers(service);
    if (service->program->close != NULL)
        service->program->close(service);
    phi_service_close_parts(service, until);
    free(service->http_routes);
}

static int serve(struct phi_service *service)
{
    struct phi_error error = {0};
    harden();
    open_log(service);
    phi_service_signals_block();
    enum phi_err err = phi_service_signals_start(phi_config_int(service->config, "PHI_DRAIN_MS"));
    if (err == PHI_OK)
        err = start(service, &error);
    if (err == PHI_OK)
        phi_service_signals_wait();
    else
        phi_log(PHI_LOG_ERROR, "start_failed", PHI_L_ERR(err), PHI_L_WORD("place", error.place),
                PHI_L_WORD("why", error.text));
    drain(service);
    phi_log(PHI_LOG_INFO, "stopped", PHI_L_ERR(err));
    return err == PHI_OK ? EXIT_DONE : EXIT_FAILED;
}

static int run(struct phi_service *service, int argc, char **argv)
{
    struct phi_error error = {0};
    const struct phi_program *program = service->program;
    if (argc == 2 && strcmp(argv[1], "--configuration-markdown") == 0) {
        phi_config_print_markdown(service->rows, service->row_count, program->name, stdout);
        return EXIT_DONE;
    }
    if (phi_config_load(service->rows, service->row_count, argc, argv, &service->config, &error) !=
        PHI_OK)
        return print_usage_error(service, &error);
    if (phi_config_wants_help(service->config)) {
        phi_config_print_help(service->rows, service->row_count, program->name, program->about,
                              stdout);
        return EXIT_DONE;
    }
    if (phi_config_wants_check(service->config)) {
        phi_config_print_check(service->config, stdout);
        return EXIT_DONE;
    }
    snprintf(service->source, sizeof(service->source), "/phi/%s/%s", phi_service_region(service),
             program->name);
    return serve(service);
}

int phi_service_main(const struct phi_program *program, int argc, char **argv)
{
    phi_memory_set_up();
    struct phi_service *service = calloc(1, sizeof(*service));
    if (service == NULL)
        return EXIT_FAILED;
    service->program = program;
    pthread_mutex_init(&service->lock, NULL);
    phi_service_rows(service);
    int status = run(service, argc, argv);
    phi_config_free(service->config);
    for (size_t i = 0; i < service->topic_count; i++)
        free(service->topics[i]);
    pthread_mutex_destroy(&service->lock);
    free(service);
    return status;
}
