/* A server whose handlers do what the tests of lives and drains want:
 *
 *   /hello answers with its body, /here does so on the I/O thread; /stand and /stand-here wait at a
 * gate that the test opens; /keep and /keep-here keep the request for the test to answer; /defer
 * and /defer-here answer from a thread of their own; /refuse, /throttle and /big answer 422, 429
 * and 16 MiB.
 */
#ifndef PHI_TESTS_HTTP_FIXTURE_H
#define PHI_TESTS_HTTP_FIXTURE_H

#include "http/http.h"
#include "http_client.h"

#define HOST      "Host: x\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"
#define BIG_BYTES ((size_t)16 << 20)

/* Routes are filled in; the gate is shut and the counts are zero afterwards. Fails the test. */
struct phi_http_server *http_open_with(struct phi_http_options options);
void http_shut(struct phi_http_server *server); /* opens the gate, closes the server */

void http_set_gate(bool open);
void http_wait_for_standing(int count); /* at the gate, or kept */
struct phi_http_request *http_wait_for_kept(void);
void http_hello(struct phi_http_request *request, void *context); /* the handler of /hello */
int http_handled(void);                                           /* answers by it */

int http_ask(struct client *client, const char *request); /* the status */
int http_ask_once(struct phi_http_server *server, const char *request);
void http_wait_until_shown(const char *line); /* a line of the metrics */

#endif
