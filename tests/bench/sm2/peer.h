/* A peer in a program of its own, asked over a pipe so that it takes its turn in each round.
 *
 *   struct peer peer;
 *   peer_open(&peer, "/path/of/peer");
 *   double rate = peer_rate(&peer, "sign", 100);       // "sign 100\n" there, "52124.0\n" back
 *   peer_close(&peer);
 */
#ifndef PHI_TESTS_BENCH_PEER_H
#define PHI_TESTS_BENCH_PEER_H

#include "tests/bench/bench.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct peer {
    pid_t pid;
    FILE *to;
    FILE *from;
};

static inline void peer_open(struct peer *peer, const char *path)
{
    int asks[2];
    int answers[2];
    bench_require(pipe(asks) == 0 && pipe(answers) == 0, "no pipe");
    peer->pid = fork();
    bench_require(peer->pid >= 0, "no process");
    if (peer->pid == 0) {
        (void)dup2(asks[0], STDIN_FILENO);
        (void)dup2(answers[1], STDOUT_FILENO);
        close(asks[1]);
        close(answers[0]);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    close(asks[0]);
    close(answers[1]);
    peer->to = fdopen(asks[1], "w");
    peer->from = fdopen(answers[0], "r");
    bench_require(peer->to && peer->from, "no stream");
}

static inline double peer_rate(struct peer *peer, const char *what, unsigned ms)
{
    char line[64];
    fprintf(peer->to, "%s %u\n", what, ms);
    fflush(peer->to);
    bench_require(fgets(line, sizeof(line), peer->from) != NULL, "the peer has gone");
    const double rate = strtod(line, NULL);
    bench_require(rate > 0, "the peer gave no rate");
    return rate;
}

static inline void peer_close(struct peer *peer)
{
    fclose(peer->to);
    fclose(peer->from);
    (void)waitpid(peer->pid, NULL, 0);
}

#endif
