#include "rpc_kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

static void echo(struct rpc_kit *kit, struct phi_rpc_call *call)
{
    uint8_t answer[PHI_RPC_PAYLOAD_MAX];
    struct phi_view payload = phi_rpc_call_payload(call);
    answer[0] = (uint8_t)kit->mark;
    memcpy(answer + 1, payload.data + 1, payload.len - 1);
    phi_rpc_reply(call, phi_view_of(answer, payload.len));
}

static void tell_peer(struct phi_rpc_call *call)
{
    char text[64];
    const struct phi_rpc_peer *peer = phi_rpc_call_peer(call);
    int len = snprintf(text, sizeof(text), "%s %s %u", peer->platform, peer->program, peer->scopes);
    phi_rpc_reply(call, phi_view_of(text, (size_t)len));
}

static void handle_one(struct rpc_kit *kit, struct phi_rpc_call *call)
{
    struct phi_view payload = phi_rpc_call_payload(call);
    switch (payload.len == 0 ? 0 : payload.data[0]) {
    case 'w':
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
        echo(kit, call);
        break;
    case 'e':
        echo(kit, call);
        break;
    case 'p':
        tell_peer(call);
        break;
    case 'h':
        atomic_store(&kit->held, call);
        break;
    case 's':
        phi_rpc_drop(call);
        break;
    default:
        phi_rpc_refuse(call, PHI_ERR_FORBIDDEN);
        break;
    }
}

static void handle(struct phi_rpc_call **calls, size_t count, void *context)
{
    struct rpc_kit *kit = context;
    atomic_fetch_add(&kit->batches, 1);
    for (size_t i = 0; i < count; i++) {
        atomic_fetch_add(&kit->handled, 1);
        handle_one(kit, calls[i]);
    }
}

struct rpc_keys rpc_keys_new(void)
{
    struct rpc_keys keys = {0};
    assert_int_equal(phi_curve_keypair(keys.public_key, keys.secret_key), PHI_OK);
    return keys;
}

void rpc_kit_allow(struct rpc_kit *kit, bool is_allowed)
{
    struct phi_rpc_allowed row = {
        .peer = {.platform = "320000", .program = "svc-directory", .scopes = 5}};
    memcpy(row.public_key, kit->client_keys.public_key, PHI_CURVE_KEY_LEN);
    assert_int_equal(phi_rpc_allow_list_swap(kit->allow, &row, is_allowed ? 1 : 0), PHI_OK);
}

void rpc_kit_open(struct rpc_kit *kit, char mark, const struct rpc_keys *client_keys,
                  void (*change)(struct phi_rpc_server_options *))
{
    struct phi_error error;
    memset(kit, 0, sizeof(*kit));
    kit->mark = mark;
    kit->server_keys = rpc_keys_new();
    kit->client_keys = *client_keys;
    kit->allow = phi_rpc_allow_list_new();
    rpc_kit_allow(kit, true);
    struct phi_rpc_server_options options = {
        .bind = "tcp://127.0.0.1:*", .allow = kit->allow, .handle = handle, .context = kit};
    memcpy(options.secret_key, kit->server_keys.secret_key, PHI_CURVE_KEY_LEN);
    if (change != NULL)
        change(&options);
    assert_int_equal(phi_rpc_server_open(&options, &kit->server, &error), PHI_OK);
    snprintf(kit->endpoint.address, sizeof(kit->endpoint.address), "%s",
             phi_rpc_server_address(kit->server));
    memcpy(kit->endpoint.server_key, kit->server_keys.public_key, PHI_CURVE_KEY_LEN);
}

void rpc_kit_close(struct rpc_kit *kit)
{
    phi_rpc_server_close(kit->server, phi_deadline_in_ms(2000));
    phi_rpc_allow_list_free(kit->allow);
    kit->server = NULL;
    kit->allow = NULL;
}

static void serve_for_ever(int fd, char mark, const struct rpc_keys *client_keys)
{
    static struct rpc_kit kit;
    rpc_kit_open(&kit, mark, client_keys, NULL);
    if (write(fd, &kit.endpoint, sizeof(kit.endpoint)) != sizeof(kit.endpoint))
        _exit(1);
    alarm(120); /* never outlives its test by long */
    while (true)
        pause();
}

void rpc_kit_fork(struct rpc_kit *kit, char mark, const struct rpc_keys *client_keys)
{
    int fds[2];
    memset(kit, 0, sizeof(*kit));
    assert_int_equal(pipe(fds), 0);
    kit->pid = fork();
    if (kit->pid == 0) {
        /* a test that fails leaves nobody behind, who would hold its output open */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve_for_ever(fds[1], mark, client_keys);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &kit->endpoint, sizeof(kit->endpoint)), sizeof(kit->endpoint));
    close(fds[0]);
}

void rpc_kit_kill(struct rpc_kit *kit, int signal_number)
{
    /* a process that was told to stop goes on for a moment: it is waited for */
    int status = 0;
    assert_int_equal(kill(kit->pid, signal_number), 0);
    if (signal_number == SIGKILL || signal_number == SIGSTOP)
        assert_int_equal(waitpid(kit->pid, &status, signal_number == SIGSTOP ? WUNTRACED : 0),
                         kit->pid);
}

struct phi_rpc_client *rpc_client(const struct rpc_keys *keys,
                                  const struct phi_rpc_endpoint *endpoints, size_t count)
{
    struct phi_error error;
    struct phi_rpc_client *client = NULL;
    struct phi_rpc_client_options options = {
        .endpoints = endpoints, .endpoints_count = count, .backoff_ms = 300};
    memcpy(options.secret_key, keys->secret_key, PHI_CURVE_KEY_LEN);
    assert_int_equal(phi_rpc_client_open(&options, &client, &error), PHI_OK);
    return client;
}

enum phi_err rpc_ask(struct phi_rpc_client *client, const char *text, int64_t left_ms, char *out)
{
    static const uint8_t request_id[16] = {7};
    struct phi_view reply;
    struct phi_arena *arena = phi_arena_new(PHI_RPC_PAYLOAD_MAX + 4096);
    enum phi_err err = phi_rpc_call(client, phi_view_text(text), request_id,
                                    phi_deadline_in_ms(left_ms), arena, &reply);
    if (err == PHI_OK && out != NULL)
        snprintf(out, 64, "%.*s", (int)reply.len, (const char *)reply.data);
    phi_arena_free(arena);
    return err;
}

bool rpc_wait_for(atomic_int *value, int least)
{
    struct phi_deadline until = phi_deadline_in_ms(5000);
    while (atomic_load(value) < least && !phi_deadline_is_past(until))
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return atomic_load(value) >= least;
}

void *rpc_raw_dealer(void *zmq_context, const struct rpc_keys *keys,
                     const struct phi_rpc_endpoint *endpoint)
{
    int zero = 0;
    int wait_ms = 300;
    void *dealer = zmq_socket(zmq_context, ZMQ_DEALER);
    zmq_setsockopt(dealer, ZMQ_LINGER, &zero, sizeof(zero));
    zmq_setsockopt(dealer, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
    if (keys != NULL) {
        zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, endpoint->server_key, PHI_CURVE_KEY_LEN);
        zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, keys->public_key, PHI_CURVE_KEY_LEN);
        zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, keys->secret_key, PHI_CURVE_KEY_LEN);
    }
    assert_int_equal(zmq_connect(dealer, endpoint->address), 0);
    return dealer;
}
