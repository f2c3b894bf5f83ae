/* What the HTTP room refuses and how it says so, over a real loopback socket. */
#include "http/http.h"
#include "http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Answers what it was asked, a line for each part. */
static void echo(struct phi_http_request *request, void *context)
{
    (void)context;
    const char *id = phi_http_param(request, "id");
    const char *q = phi_http_query(request, "q");
    const char *header = phi_http_header(request, "x-test");
    char *text = phi_arena_printf(
        phi_http_arena(request), "%s %s\npath=%s\nid=%s\nq=%s\nheader=%s\nbody=%.*s\n",
        phi_http_method(request), phi_http_target(request), phi_http_path(request),
        id == NULL ? "-" : id, q == NULL ? "-" : q, header == NULL ? "-" : header,
        (int)phi_http_body(request).len, (const char *)phi_http_body(request).data);
    phi_http_answer(request, 200, "text/plain", phi_view_text(text), NULL, 0);
}

static void odd_answer(struct phi_http_request *request, void *context)
{
    (void)context;
    struct phi_http_header bad = {.name = "X-Bad", .value = "a\r\nInjected: b"};
    phi_http_answer(request, 200, "text/plain", phi_view_text("x"), &bad, 1);
}

static const struct phi_http_route routes[] = {
    {.method = "GET", .path = "/v1/things/{id}", .handle = echo},
    {.method = "POST",
     .path = "/v1/things",
     .handle = echo,
     .body_max_bytes = 1000,
     .content_type = "application/json"},
    {.method = "POST",
     .path = "/v1/things/{id}/parts/{part}",
     .handle = echo,
     .body_max_bytes = 100},
    {.method = "DELETE", .path = "/v1/things", .handle = echo, .body_max_bytes = 100},
    {.method = "GET", .path = "/healthz", .handle = echo, .on_io_thread = true},
    {.method = "GET", .path = "/odd", .handle = odd_answer},
};

static struct phi_http_server *server;

static int open_server(void **state)
{
    (void)state;
    struct phi_http_options options = {.routes = routes,
                                       .route_count = sizeof(routes) / sizeof(routes[0]),
                                       .discard_max_bytes = 2000,
                                       .workers = 2};
    struct phi_error error;
    return phi_http_open(&options, &server, &error) == PHI_OK ? 0 : -1;
}

static int close_server(void **state)
{
    (void)state;
    phi_http_close(server, phi_deadline_in_ms(5000));
    return 0;
}

#define HOST "Host: x\r\n"
#define JSON "Content-Type: application/json\r\n"

struct intake_case {
    const char *name;
    const char *request;
    int status;
    const char *holds; /* in head or body */
    bool closes;       /* the connection is not usable afterwards */
};

static const struct intake_case cases[] = {
    {"get", "GET /v1/things/7?q=a HTTP/1.1\r\n" HOST "\r\n", 200,
     "GET /v1/things/7?q=a\npath=/v1/things/7\nid=7\nq=a\n", false},
    {"head is get", "HEAD /v1/things/7 HTTP/1.1\r\n" HOST "\r\n", 200, "Content-Length: ", false},
    {"decoded", "GET /v1/things/%E5%BC%A0?q=a%2Bb+c&r HTTP/1.1\r\n" HOST "\r\n", 200,
     "id=张\nq=a+b c\n", false},
    {"exactly as sent", "GET /v1/things/%7e?q=%2F&&x=1 HTTP/1.1\r\n" HOST "\r\n", 200,
     "GET /v1/things/%7e?q=%2F&&x=1\n", false},
    {"header any case", "GET /healthz HTTP/1.1\r\n" HOST "X-TEST:  v \r\n\r\n", 200, "header=v\n",
     false},
    {"post", "POST /v1/things HTTP/1.1\r\n" HOST JSON "Content-Length: 2\r\n\r\n{}", 200,
     "body={}\n", false},
    {"charset",
     "POST /v1/things HTTP/1.1\r\n" HOST
     "Content-Type: Application/JSON; Charset=UTF-8\r\nContent-Length: 2\r\n\r\n{}",
     200, "body={}", false},
    {"chunked",
     "POST /v1/things HTTP/1.1\r\n" HOST JSON
     "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
     200, "body={}\n", false},
    {"two parameters", "POST /v1/things/7/parts/8 HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n",
     200, "id=7\n", false},
    {"delete with a body", "DELETE /v1/things HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc",
     200, "body=abc\n", false},

    {"unknown path", "GET /v1/other HTTP/1.1\r\n" HOST "\r\n", 404, "\"resultCode\":\"1009\"",
     false},
    {"below a path", "GET /v1/things/7/more HTTP/1.1\r\n" HOST "\r\n", 404, "\"1009\"", false},
    {"empty parameter", "GET /v1/things/ HTTP/1.1\r\n" HOST "\r\n", 404, "\"1009\"", false},
    {"slash at the end", "GET /healthz/ HTTP/1.1\r\n" HOST "\r\n", 404, "\"1009\"", false},
    {"dots are no way up", "GET /v1/things/../../healthz HTTP/1.1\r\n" HOST "\r\n", 404, "\"1009\"",
     false},
    {"wrong method", "PUT /v1/things HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 405,
     "Allow: POST, DELETE\r\n", false},
    {"wrong method of a get", "POST /healthz HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n", 405,
     "Allow: GET, HEAD\r\n", false},
    {"method in small letters", "get /healthz HTTP/1.1\r\n" HOST "\r\n", 405,
     "Allow: GET, HEAD\r\n", false},
    {"options", "OPTIONS /v1/things HTTP/1.1\r\n" HOST "\r\n", 405, "Allow: POST, DELETE\r\n",
     false},
    {"content type",
     "POST /v1/things HTTP/1.1\r\n" HOST "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}",
     415, "\"1002\"", false},
    {"no content type", "POST /v1/things HTTP/1.1\r\n" HOST "Content-Length: 2\r\n\r\n{}", 415,
     "\"1002\"", false},
    {"type that begins alike",
     "POST /v1/things HTTP/1.1\r\n" HOST
     "Content-Type: application/jsonp\r\nContent-Length: 2\r\n\r\n{}",
     415, "\"1002\"", false},
    {"other charset",
     "POST /v1/things HTTP/1.1\r\n" HOST
     "Content-Type: application/json; charset=gbk\r\nContent-Length: 2\r\n\r\n{}",
     415, "\"1002\"", false},
    {"compressed",
     "POST /v1/things HTTP/1.1\r\n" HOST JSON
     "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
     415, "Content-Encoding", false},
    {"body for a get", "GET /healthz HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc", 413,
     "\"1001\"", false},
    {"huge body, nothing sent",
     "POST /v1/things HTTP/1.1\r\n" HOST JSON "Content-Length: 100000000\r\n\r\n", 413, "\"1001\"",
     true},
    {"absurd length, nothing sent",
     "POST /v1/things HTTP/1.1\r\n" HOST JSON "Content-Length: 9223372036854775807\r\n\r\n", 413,
     "\"1001\"", true},
    {"large, leave asked",
     "POST /v1/things HTTP/1.1\r\n" HOST JSON
     "Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
     413, "\"1001\"", true},
    {"unknown path, leave asked",
     "POST /v1/other HTTP/1.1\r\n" HOST JSON "Expect: 100-continue\r\nContent-Length: 10\r\n\r\n",
     404, "\"1009\"", true},
    {"huge body of a put",
     "PUT /v1/other HTTP/1.1\r\n" HOST JSON "Content-Length: 100000000\r\n\r\n", 404, "\"1009\"",
     true},
    {"huge body of a get", "GET /healthz HTTP/1.1\r\n" HOST "Content-Length: 100000000\r\n\r\n",
     413, "\"1001\"", true},
    {"huge body of a delete",
     "DELETE /v1/things HTTP/1.1\r\n" HOST "Content-Length: 100000000\r\n\r\n", 413, "\"1001\"",
     true},

    {"half an escape", "GET /v1/things/%4 HTTP/1.1\r\n" HOST "\r\n", 400, "bad percent-encoding",
     false},
    {"no hex", "GET /v1/things/1?q=%zz HTTP/1.1\r\n" HOST "\r\n", 400, "bad percent-encoding",
     false},
    {"escaped NUL", "GET /v1/things/a%00b HTTP/1.1\r\n" HOST "\r\n", 400, "bad percent-encoding",
     false},
    {"escaped new line", "GET /v1/things/a%0Ab HTTP/1.1\r\n" HOST "\r\n", 400, "\"1012\"", false},
    {"not UTF-8", "GET /v1/things/%ff HTTP/1.1\r\n" HOST "\r\n", 400, "\"1012\"", false},
    {"overlong UTF-8", "GET /v1/things/%c0%af HTTP/1.1\r\n" HOST "\r\n", 400, "\"1012\"", false},
    {"query not UTF-8", "GET /v1/things/1?q=%ff HTTP/1.1\r\n" HOST "\r\n", 400, "\"1012\"", false},
    {"raw bytes", "GET /v1/things/\xe5\xbc\xa0 HTTP/1.1\r\n" HOST "\r\n", 400, "\"1012\"", false},
    {"fragment", "GET /v1/things/1#x HTTP/1.1\r\n" HOST "\r\n", 400, "\"1012\"", false},
    {"whole address", "GET http://x/healthz HTTP/1.1\r\n" HOST "\r\n", 400, "\"field\":\"target\"",
     false},
    {"parameter twice", "GET /v1/things/1?q=1&%71=2 HTTP/1.1\r\n" HOST "\r\n", 400, "twice", false},
    {"authorization twice",
     "GET /healthz HTTP/1.1\r\n" HOST "Authorization: a\r\nauthorization: b\r\n\r\n", 400,
     "\"1008\"", false},
    {"identity twice",
     "GET /healthz HTTP/1.1\r\n" HOST "Phi-Identity: a\r\nphi-identity: b\r\n\r\n", 400, "\"1008\"",
     false},
    {"control character in a header", "GET /healthz HTTP/1.1\r\n" HOST "X-Test: a\x01z\r\n\r\n",
     400, "\"1008\"", false},
    {"header that can't be sent", "GET /odd HTTP/1.1\r\n" HOST "\r\n", 500, "\"9001\"", false},
};

static struct reply ask(struct client *client, const char *request)
{
    assert_true(client_send_text(client, request));
    return client_read(client, strncmp(request, "HEAD", 4) == 0);
}

static void check_errors_shape(const struct intake_case *c, const struct reply *reply)
{
    static const char *const members[] = {"{\"resultCode\":\"", "\"resultDesc\":\"",
                                          "\"resultDescEn\":\"", "\"timeStamp\":\"20", "\"data\":"};
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (strstr(reply->body, members[i]) == NULL)
            fail_msg("%s: without %s: %s", c->name, members[i], reply->body);
    }
    assert_non_null(strstr(reply->head, "Content-Type: application/json\r\n"));
}

static void check(const struct intake_case *c)
{
    struct client client;
    char id[80];
    client_open(&client, phi_http_port(server));
    struct reply reply = ask(&client, c->request);
    if (reply.status != c->status)
        fail_msg("%s: %d %s", c->name, reply.status, reply.body);
    if (strstr(reply.body, c->holds) == NULL && strstr(reply.head, c->holds) == NULL)
        fail_msg("%s: %s%s", c->name, reply.head, reply.body);
    reply_header(&reply, "X-Request-Id", id, sizeof(id));
    assert_int_equal(strlen(id), 32);
    if (c->status >= 400)
        check_errors_shape(c, &reply);
    if (c->closes) {
        assert_true(client_is_closed(&client, CLIENT_WAIT_MS));
    } else if (ask(&client, "GET /v1/things/9 HTTP/1.1\r\n" HOST "\r\n").status != 200) {
        fail_msg("%s: the connection is not usable afterwards", c->name);
    }
    client_close(&client);
}

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(&cases[i]);
}

static void request_ids(void **state)
{
    (void)state;
    static const struct {
        const char *given;
        bool kept;
    } ids[] = {
        {"abcdefgh", true},
        {"0123456789abcdef0123456789abcdef", true},
        {"a-b_c.d9", true},
        {"short12", false},
        {"with space in", false},
        {"quote\"quote", false},
        {"01234567890123456789012345678901234567890123456789012345678901234", false},
        {"0123456789012345678901234567890123456789012345678901234567890123", true},
    };
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct client client;
        char request[256];
        char id[128];
        snprintf(request, sizeof(request),
                 "GET /nowhere HTTP/1.1\r\n" HOST "X-Request-Id: %s\r\n\r\n", ids[i].given);
        client_open(&client, phi_http_port(server));
        struct reply reply = ask(&client, request);
        reply_header(&reply, "X-Request-Id", id, sizeof(id));
        assert_int_equal(strcmp(id, ids[i].given) == 0, ids[i].kept);
        assert_true(strlen(id) >= 8);
        client_close(&client);
    }
}

/* `count` times `part` between `before` and `after`. */
static char *repeated(const char *before, const char *part, size_t count, const char *after)
{
    size_t len = strlen(part);
    char *text = malloc(strlen(before) + count * len + strlen(after) + 1);
    assert_non_null(text);
    char *at = stpcpy(text, before);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, part);
    stpcpy(at, after);
    return text;
}

static void long_things(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *before, *part;
        size_t count;
        const char *after;
        int status;
        bool closes;
    } longs[] = {
        {"target at its bound", "GET /v1/things/", "a", 1024 - 11, " HTTP/1.1\r\n" HOST "\r\n", 200,
         false},
        {"target over its bound", "GET /v1/things/", "a", 1025 - 11, " HTTP/1.1\r\n" HOST "\r\n",
         400, false},
        {"32 headers", "GET /healthz HTTP/1.1\r\n" HOST, "A: b\r\n", 31, "\r\n", 200, false},
        {"33 headers", "GET /healthz HTTP/1.1\r\n" HOST, "A: b\r\n", 32, "\r\n", 400, false},
        {"headers at their bound", "GET /healthz HTTP/1.1\r\n" HOST "X: ", "aaaaaaaaaaaaaaaa", 254,
         "\r\n\r\n", 200, false},
        {"headers too large", "GET /healthz HTTP/1.1\r\n" HOST "X: ", "aaaaaaaaaaaaaaaa", 256,
         "\r\n\r\n", 400, false},
        {"32 queries", "GET /healthz?", "&a", 0, " HTTP/1.1\r\n" HOST "\r\n", 200, false},
        {"body at its bound",
         "POST /v1/things HTTP/1.1\r\n" HOST JSON "Content-Length: 1000\r\n\r\n", "a", 1000, "",
         200, false},
        {"body over its bound",
         "POST /v1/things HTTP/1.1\r\n" HOST JSON "Content-Length: 1001\r\n\r\n", "a", 1001, "",
         413, false},
        {"body far over its bound",
         "POST /v1/things HTTP/1.1\r\n" HOST JSON "Content-Length: 3000\r\n\r\n", "a", 3000, "",
         413, false},
        {"chunks over the bound",
         "POST /v1/things HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n",
         "1\r\na\r\n", 1500, "0\r\n\r\n", 413, false},
        {"chunks without end",
         "POST /v1/things HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\n",
         "a\r\n0123456789\r\n", 400, "", 0, true},
    };
    for (size_t i = 0; i < sizeof(longs) / sizeof(longs[0]); i++) {
        struct client client;
        char *request = repeated(longs[i].before, longs[i].part, longs[i].count, longs[i].after);
        client_open(&client, phi_http_port(server));
        client_send_text(&client, request);
        struct reply reply = client_read(&client, false);
        if (reply.status != longs[i].status)
            fail_msg("%s: %d %s", longs[i].name, reply.status, reply.body);
        if (!longs[i].closes && ask(&client, "GET /healthz HTTP/1.1\r\n" HOST "\r\n").status != 200)
            fail_msg("%s: not usable afterwards", longs[i].name);
        client_close(&client);
        free(request);
    }
}

static void many_queries(void **state)
{
    (void)state;
    char request[1024] = "GET /healthz?";
    for (int i = 0; i < 33; i++)
        snprintf(request + strlen(request), sizeof(request) - strlen(request), "&q%d=", i);
    snprintf(request + strlen(request), sizeof(request) - strlen(request),
             " HTTP/1.1\r\n" HOST "\r\n");
    struct client client;
    client_open(&client, phi_http_port(server));
    assert_int_equal(ask(&client, request).status, 400);
    client_close(&client);
}

/* Not a promise about the answer: whatever it is, nothing breaks and the next client is served. */
static void broken_framing(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t len;
    } broken[] = {
#define RAW(s) {s, sizeof(s) - 1}
        RAW("\r\n\r\n\r\n"),
        RAW("GET\r\n\r\n"),
        RAW("GET /healthz\r\n\r\n"),
        RAW("GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
        RAW("GET /healthz HTTP/9.9\r\n\r\n"),
        RAW("GET /healthz HTTP/1.1\r\n\r\n"),
        RAW("POST /v1/things HTTP/1.1\r\n" HOST JSON "Content-Length: -1\r\n\r\n"),
        RAW("POST /v1/things HTTP/1.1\r\n" HOST JSON
            "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        RAW("POST /v1/things HTTP/1.1\r\n" HOST JSON
            "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        RAW("POST /v1/things HTTP/1.1\r\n" HOST JSON "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
        RAW("POST /v1/things HTTP/1.1\r\n" HOST JSON
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
        RAW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        RAW("GET /healthz HTTP/1.1\r\nno colon\r\n\r\n"),
        RAW("GET /healthz HTTP/1.1\r\n" HOST "X\0Y: a\0b\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct client client;
        client_open(&client, phi_http_port(server));
        client_send(&client, broken[i].data, broken[i].len);
        client_send_text(&client, "\r\n\r\n");
        client_is_closed(&client, 20);
        client_close(&client);
        client_open(&client, phi_http_port(server));
        assert_int_equal(ask(&client, "GET /healthz HTTP/1.1\r\n" HOST "\r\n").status, 200);
        client_close(&client);
    }
}

static void error_bodies(void **state)
{
    (void)state;
    struct phi_error error = {.code = PHI_ERR_FIELD_VALUE,
                              .place = "$.trips[2].arrivedAt",
                              .text = "not a \"date-time\"\n"};
    char body[PHI_HTTP_ERROR_MAX];
    size_t len = phi_http_error_body(&error, "biz-1", 1000000, body, sizeof(body));
    assert_true(
        phi_view_equal(phi_view_of(body, len),
                       phi_view_text("{\"resultCode\":\"1006\",\"resultDesc\":\"字段取值错误\","
                                     "\"resultDescEn\":\"a field has a value out "
                                     "of "
                                     "bounds\",\"bizSerialNum\":\"biz-1\",\"timeStamp\":\"1970-01-"
                                     "01T08:00:01+08:00\",\"data\":{"
                                     "\"field\":\"$.trips[2].arrivedAt\",\"reason\":\"not a "
                                     "\\u0022date-time\\u0022\\u000a\"}}")));
    assert_int_equal(phi_http_error_body(&error, NULL, 0, body, 100), 0);
}

static void wrong_options(void **state)
{
    (void)state;
    static const struct phi_http_route bad[] = {
        {.method = "GET", .path = "no-slash", .handle = echo},
        {.method = "GET", .path = "/x", .handle = NULL},
        {.method = "GET", .path = "/{a}/{b}/{c}/{d}/{e}", .handle = echo},
    };
    struct phi_http_server *none = NULL;
    struct phi_error error;
    for (size_t i = 0; i < 3; i++) {
        struct phi_http_options options = {.routes = &bad[i], .route_count = 1};
        assert_int_equal(phi_http_open(&options, &none, &error), PHI_ERR_CONFIG);
    }
    struct phi_http_options options = {.address = "example.org"};
    assert_int_equal(phi_http_open(&options, &none, &error), PHI_ERR_CONFIG);
    assert_string_equal(error.place, "address");
    options = (struct phi_http_options){.port = phi_http_port(server)};
    assert_int_equal(phi_http_open(&options, &none, &error), PHI_ERR_IO);
    assert_string_equal(error.place, "port");
    assert_null(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),          cmocka_unit_test(request_ids),
        cmocka_unit_test(long_things),    cmocka_unit_test(many_queries),
        cmocka_unit_test(broken_framing), cmocka_unit_test(error_bodies),
        cmocka_unit_test(wrong_options),
    };
    return cmocka_run_group_tests(tests, open_server, close_server);
}
