#include "service/parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct phi_config_row common_rows[] = {
    {.name = "PHI_REGION",
     .type = PHI_CONFIG_TEXT,
     .min = 6,
     .max = 6,
     .unit = "",
     .text = "the platform's id, six digits (GB/T 2260)"},
    {.name = "PHI_HTTP_ADDRESS",
     .type = PHI_CONFIG_TEXT,
     .fallback = "127.0.0.1",
     .min = 2,
     .max = 64,
     .unit = "",
     .text = "address of the HTTP interface"},
    {.name = "PHI_HTTP_PORT",
     .type = PHI_CONFIG_INT,
     .min = 1,
     .max = 65535,
     .unit = "",
     .text = "port of the HTTP interface"},
    {.name = "PHI_HTTP_IO_THREADS",
     .type = PHI_CONFIG_INT,
     .fallback = "2",
     .min = 1,
     .max = 64,
     .unit = "threads",
     .text = "threads that read and write connections"},
    {.name = "PHI_HTTP_WORKERS",
     .type = PHI_CONFIG_INT,
     .fallback = "8",
     .min = 1,
     .max = 256,
     .unit = "threads",
     .text = "threads that handle requests"},
    {.name = "PHI_HTTP_QUEUE",
     .type = PHI_CONFIG_INT,
     .fallback = "1024",
     .min = 1,
     .max = 65536,
     .unit = "requests",
     .text = "requests waiting for a worker; past it 503"},
    {.name = "PHI_HTTP_CONNECTIONS",
     .type = PHI_CONFIG_INT,
     .fallback = "14336",
     .min = 8,
     .max = 65536,
     .unit = "connections",
     .text = "open connections at most"},
    {.name = "PHI_HTTP_HEADER_MS",
     .type = PHI_CONFIG_MS,
     .fallback = "10000",
     .min = 100,
     .max = 120000,
     .unit = "ms",
     .text = "time for a request to arrive whole, headers and body"},
    {.name = "PHI_HTTP_DEADLINE_MS",
     .type = PHI_CONFIG_MS,
     .fallback = "5000",
     .min = 100,
     .max = 120000,
     .unit = "ms",
     .text = "time for the answer once the request is there; past it 503"},
    {.name = "PHI_DATABASE",
     .type = PHI_CONFIG_TEXT,
     .min = 1,
     .max = 1024,
     .unit = "",
     .text = "PostgreSQL connection, libpq's keyword=value form, without the password"},
    {.name = "PHI_DATABASE_PASSWORD_FILE",
     .type = PHI_CONFIG_SECRET,
     .optional = true,
     .max = 256,
     .unit = "",
     .text = "the role's password"},
    {.name = "PHI_SCHEMA",
     .type = PHI_CONFIG_TEXT,
     .min = 1,
     .max = 40,
     .unit = "",
     .text = "the service's own schema"},
    {.name = "PHI_DATABASE_POOL",
     .type = PHI_CONFIG_INT,
     .fallback = "8",
     .min = 2,
     .max = 64,
     .unit = "connections",
     .text = "connections for reading, besides the lane's"},
    {.name = "PHI_DATABASE_TIMEOUT_MS",
     .type = PHI_CONFIG_MS,
     .fallback = "3000",
     .min = 100,
     .max = 60000,
     .unit = "ms",
     .text = "time for one statement"},
    {.name = "PHI_KEY_PASSWORD_FILE",
     .type = PHI_CONFIG_SECRET,
     .min = 1,
     .max = 256,
     .unit = "",
     .text = "the password of the key files"},
    {.name = "PHI_KEY_MANIFEST_FILE",
     .type = PHI_CONFIG_FILE,
     .optional = true,
     .max = 4096,
     .unit = "",
     .text = "the manifest of a folder of keys: its keys come before the single files"},
    {.name = "PHI_ANSWER_KEY_FILE",
     .type = PHI_CONFIG_FILE,
     .optional = true,
     .max = 4096,
     .unit = "",
     .text = "SM2 key that signs answers (Phi-Signature)"},
    {.name = "PHI_SM2_BACKEND",
     .type = PHI_CONFIG_ENUM,
     .fallback = "native",
     .choices = "native|openssl|sdf",
     .unit = "",
     .text = "who signs with SM2: our own code, OpenSSL, or a crypto machine (GM/T 0018)"},
    {.name = "PHI_SDF_LIBRARY",
     .type = PHI_CONFIG_FILE,
     .optional = true,
     .max = 4096,
     .unit = "",
     .text = "sdf: the library of the crypto machine's maker"},
    {.name = "PHI_SDF_PASSWORD_FILE",
     .type = PHI_CONFIG_SECRET,
     .optional = true,
     .min = 1,
     .max = 256,
     .unit = "",
     .text = "sdf: the password for the access right to the machine's private keys"},
    {.name = "PHI_SDF_KEYS",
     .type = PHI_CONFIG_LIST,
     .optional = true,
     .min = 1,
     .max = 16,
     .unit = "",
     .text = "sdf: use:index of each key in the machine; a key file then says sdf:use"},
    {.name = "PHI_SDF_SESSIONS",
     .type = PHI_CONFIG_INT,
     .fallback = "8",
     .min = 1,
     .max = 64,
     .unit = "sessions",
     .text = "sdf: sessions with the machine, each with a thread"},
    {.name = "PHI_SDF_TIMEOUT_MS",
     .type = PHI_CONFIG_MS,
     .fallback = "2000",
     .min = 10,
     .max = 60000,
     .unit = "ms",
     .text = "sdf: time for one call, waiting for a session included; past it 503"},
    {.name = "PHI_SDF_PROBE_MS",
     .type = PHI_CONFIG_MS,
     .fallback = "10000",
     .min = 100,
     .max = 3600000,
     .unit = "ms",
     .text = "sdf: a test call this often, four times a second while the machine fails"},
    {.name = "PHI_USER",
     .type = PHI_CONFIG_TEXT,
     .optional = true,
     .min = 1,
     .max = 32,
     .unit = "",
     .text = "user to become once keys and connections are open, when started as root"},
    {.name = "PHI_LOG_FORMAT",
     .type = PHI_CONFIG_ENUM,
     .fallback = "logfmt",
     .choices = "logfmt|json",
     .unit = "",
     .text = "form of the log lines on stderr"},
    {.name = "PHI_LOG_LEVEL",
     .type = PHI_CONFIG_ENUM,
     .fallback = "info",
     .choices = "debug|info|warn|error",
     .unit = "",
     .text = "least level that is written"},
    {.name = "PHI_START_MS",
     .type = PHI_CONFIG_MS,
     .fallback = "60000",
     .min = 1000,
     .max = 600000,
     .unit = "ms",
     .text = "time to wait for the database at start before giving up"},
    {.name = "PHI_DRAIN_MS",
     .type = PHI_CONFIG_MS,
     .fallback = "10000",
     .min = 100,
     .max = 120000,
     .unit = "ms",
     .text = "time to finish what was accepted after TERM"},
};

/* A Kafka and its user: its address, user, password and CAs */
#define BUS_ROWS(NAME, WHOSE)                                                                      \
    {.name = NAME,                                                                                 \
     .type = PHI_CONFIG_TEXT,                                                                      \
     .min = 1,                                                                                     \
     .max = 1024,                                                                                  \
     .unit = "",                                                                                   \
     .text = WHOSE " Kafka, host:port[,host:port…]"},                                              \
        {.name = NAME "_USER",                                                                     \
         .type = PHI_CONFIG_TEXT,                                                                  \
         .optional = true,                                                                         \
         .min = 1,                                                                                 \
         .max = 128,                                                                               \
         .unit = "",                                                                               \
         .text = "user of " WHOSE " Kafka (SCRAM-SHA-512); without it the listener is a plain "    \
                 "one"},                                                                           \
        {.name = NAME "_PASSWORD_FILE",                                                            \
         .type = PHI_CONFIG_SECRET,                                                                \
         .optional = true,                                                                         \
         .min = 1,                                                                                 \
         .max = 256,                                                                               \
         .unit = "",                                                                               \
         .text = "that user's password"},                                                          \
    {                                                                                              \
        .name = NAME "_CA_FILE", .type = PHI_CONFIG_FILE, .optional = true, .max = 4096,           \
        .unit = "",                                                                                \
        .text = "certificates of CAs by which that Kafka's TLS is judged; without it there is no " \
                "TLS"                                                                              \
    }

static const struct phi_config_row bus_rows[] = {
    BUS_ROWS("PHI_BUS", "the province's"),
};

static const struct phi_config_row relay_rows[] = {
    {.name = "PHI_OUTBOX_WARN_MB",
     .type = PHI_CONFIG_INT,
     .fallback = "4096",
     .min = 1,
     .max = 16777216,
     .unit = "MiB",
     .text = "size of the outbox on the disk from which /readyz says degraded: outbox"},
    {.name = "PHI_OUTBOX_MAX_MB",
     .type = PHI_CONFIG_INT,
     .fallback = "131072",
     .min = 1,
     .max = 16777216,
     .unit = "MiB",
     .text = "size from which what would add to it is refused with 5006; less than the disk has"},
};

static const struct phi_config_row registry_rows[] = {
    {.name = "PHI_ACCESS_PUBLIC_FILE",
     .type = PHI_CONFIG_FILE,
     .max = 4096,
     .unit = "",
     .text = "public key of the owner of access.registry, pinned"},
};

static const struct phi_config_row identity_rows[] = {
    {.name = "PHI_DEV_HTTP_JWKS",
     .type = PHI_CONFIG_BOOL,
     .fallback = "false",
     .unit = "",
     .text = "development only: identity providers' keys over plain HTTP from loopback addresses"},
};

static const struct phi_config_row trust_rows[] = {
    BUS_ROWS("PHI_PLATFORM_BUS", "the unified platform's"),
    {.name = "PHI_TRUST_PUBLIC_FILE",
     .type = PHI_CONFIG_FILE,
     .max = 4096,
     .unit = "",
     .text = "public key of the owner of the trust list, pinned"},
    {.name = "PHI_TRUST_WARN_S",
     .type = PHI_CONFIG_INT,
     .fallback = "14400",
     .min = 1,
     .max = 31536000,
     .unit = "s",
     .text = "age of the trust list from which /readyz says degraded: trust-list"},
    {.name = "PHI_TRUST_GRACE_S",
     .type = PHI_CONFIG_INT,
     .fallback = "2592000",
     .min = 1,
     .max = 31536000,
     .unit = "s",
     .text = "age of the trust list past which it is not used any more"},
};

static void rows_add(struct phi_service *service, const struct phi_config_row *rows, size_t count)
{
    assert(service->row_count + count <= PHI_SERVICE_ROWS_MAX);
    if (count > 0)
        memcpy(service->rows + service->row_count, rows, count * sizeof(*rows));
    service->row_count += count;
}

#define ROWS_ADD(service, rows) rows_add((service), (rows), sizeof(rows) / sizeof((rows)[0]))

static void rows_set_fallback(struct phi_service *service, const char *name, const char *fallback)
{
    for (size_t i = 0; i < service->row_count; i++)
        if (strcmp(service->rows[i].name, name) == 0)
            service->rows[i].fallback = fallback;
}

void phi_service_rows(struct phi_service *service)
{
    const struct phi_program *program = service->program;
    ROWS_ADD(service, common_rows);
    if (program->parts & (PHI_PART_REGISTRY | PHI_PART_RELAY))
        ROWS_ADD(service, bus_rows);
    if (program->parts & PHI_PART_RELAY)
        ROWS_ADD(service, relay_rows);
    if (program->parts & PHI_PART_REGISTRY)
        ROWS_ADD(service, registry_rows);
    if (program->parts & PHI_PART_IDENTITY)
        ROWS_ADD(service, identity_rows);
    if (program->parts & PHI_PART_TRUST)
        ROWS_ADD(service, trust_rows);
    rows_add(service, program->rows, program->row_count);
    rows_set_fallback(service, "PHI_SCHEMA", program->schema);
    rows_set_fallback(service, "PHI_HTTP_PORT", program->http_port);
}

/* libpq's quoting: single quotes, with backslash before a quote or backslash. */
static size_t quote_value(const char *value, char *out)
{
    size_t len = 0;
    out[len++] = '\'';
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\')
            out[len++] = '\\';
        out[len++] = *value;
    }
    out[len++] = '\'';
    out[len] = '\0';
    return len;
}

char *phi_service_conninfo(const struct phi_config *config)
{
    const char *database = phi_config_text(config, "PHI_DATABASE");
    const char *password = phi_config_text(config, "PHI_DATABASE_PASSWORD_FILE");
    if (password == NULL)
        return strdup(database);
    size_t size = strlen(database) + 2 * strlen(password) + 16;
    char *out = malloc(size);
    if (out == NULL)
        return NULL;
    int len = snprintf(out, size, "%s password=", database);
    (void)quote_value(password, out + len);
    return out;
}
