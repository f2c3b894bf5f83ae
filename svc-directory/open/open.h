/* Open streams (开放数据流): what analysts get of this province, on open.<project>, a topic of the
 * project's own. A project has a purpose, a term and the word of two officers of two units; its
 * people are pseudonyms of project and month (open/view.h), and at the end of its term the secret
 * behind them is destroyed.
 *
 *   PHI_GUARD(open_start(directory, &error));
 *   PHI_GUARD(open_fact(directory, &put, &fact));          // in the transaction of the fact
 *   PHI_GUARD(open_grades(directory, &put, changes, count)); // in that of the grades
 *   open_close(directory->open);
 *
 * Events go through the outbox, in the transaction of what they tell: each once, and if it comes
 * twice, then with the same id. Their ids, times and the broker's timestamps say the hour and
 * nothing finer.
 */
#ifndef SVC_DIRECTORY_OPEN_H
#define SVC_DIRECTORY_OPEN_H

#include "codes/grade.h"
#include "open/view.h"
#include "store/lane.h"
#include "svc-directory/facts/fact.h"

#define OPEN_PROJECTS_MAX 16 /* in force at once, of those that PHI_OPEN_PROJECTS names */
#define OPEN_STREAMS_MAX  16
#define OPEN_NAME_MAX     32
#define OPEN_PURPOSE_MAX  200
#define OPEN_GRADES       "grades"
#define OPEN_SECRET       "open_projects.secret" /* the sealed bytes' context */

struct directory;
struct open;
struct phi_api_call;

/* A thread that follows the projects, and destroys the secrets of those that are over.
 * PHI_ERR_STORE, PHI_ERR_MEMORY. */
enum phi_err open_start(struct directory *directory, struct phi_error *error) PHI_MUST_USE;
void open_close(struct open *open); /* NULL is fine */

/* Whether any project in force wants the stream; cheap. */
bool open_wants(struct directory *directory, const char *stream, int64_t now_us);

struct open_put {
    struct phi_conn *tx;
    struct phi_arena *arena;
    int64_t now_us;
};

/* A new fact, to every project in force that wants it. Blocks as statements do. */
enum phi_err open_fact(struct directory *directory, const struct open_put *put,
                       const struct fact *fact) PHI_MUST_USE;

struct open_change {
    uint8_t subject[PHI_SUBJECT_LEN];
    bool has_before;
    enum phi_grade before;
    enum phi_grade now;
    int64_t from_us;
    const json_t *reasons; /* [{"reason", …}] */
};
/* Grades that are others now than they were. */
enum phi_err open_grades(struct directory *directory, const struct open_put *put,
                         const struct open_change *changes, size_t count) PHI_MUST_USE;

/* --- routes.c --- */
enum phi_err open_route_register(struct phi_api_call *call, struct phi_error *error);
enum phi_err open_route_step(struct phi_api_call *call, struct phi_error *error);
enum phi_err open_route_show(struct phi_api_call *call, struct phi_error *error);

/* The lane's tables, in this order, behind the rules'. */
enum open_table { OPEN_TABLE_PROJECTS, OPEN_TABLE_STEPS, OPEN_TABLES };
extern const struct phi_lane_table open_tables[OPEN_TABLES];

/* --- inside the room --- */

struct open_project {
    char name[OPEN_NAME_MAX + 1];
    char topic[96];
    char streams[512]; /* with commas before, between and behind */
    int64_t from_us;
    int64_t until_us;
    uint8_t secret[PHI_OPEN_SECRET_LEN];
};

/* Those in force that want the stream; copies, for the caller to wipe. */
size_t open_wanting(struct open *open, const char *stream, int64_t now_us,
                    struct open_project out[OPEN_PROJECTS_MAX]);

/* The subject under which a project's secret is sealed. */
enum phi_err open_seal_subject(const char *project, uint8_t out[PHI_SUBJECT_LEN]) PHI_MUST_USE;

#endif
