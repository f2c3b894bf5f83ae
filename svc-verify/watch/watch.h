/* 监测 (GB/T 38961 7.4): how much each caller asks, how much of it fails and how many people it asks
 * about, a minute at a time; past one bound a warning, past the next the caller is cut off until an
 * operator restores it. Bounds are data (PHI_WATCH_FILE).
 *
 *   PHI_GUARD(watch_open(path, &watch, error));
 *   struct watch_caller *caller = watch_find(watch, platform, program, app);
 *   if (watch_is_cut(caller)) … refuse
 *   watch_note(caller, now_us, has_failed, subject);
 *   watch_judge(watch, now_us, tell, context);                  // now and then, on one thread
 *
 * Counting takes no lock and any thread may count; finding a caller takes none either. What two
 * threads count in the instant in which a minute ends may fall into either, or be lost.
 */
#ifndef SVC_VERIFY_WATCH_H
#define SVC_VERIFY_WATCH_H

#include "codes/subject.h"

#define WATCH_CALLERS_MAX 4096 /* more share one line, named "*" */
#define WATCH_NAME_MAX    106  /* platform/program/app and the zero */

struct watch;
struct watch_caller;

enum watch_measure { WATCH_RATE, WATCH_FAILED, WATCH_SUBJECTS, WATCH_MEASURES };
const char *watch_measure_name(enum watch_measure measure); /* "perMinute" */

enum watch_step { WATCH_WARN, WATCH_CUT };

/* What watch_judge has seen; borrowed for the time of the call. */
struct watch_finding {
    struct watch_caller *caller;
    const char *name;
    enum watch_step step;
    enum watch_measure measure;
    int64_t value;
    int64_t bound;
};

/* Reads the bounds: {"version":1,"rows":[{"caller":"*","perMinute":{"warn","cut"},
 * "failedPercent":{"warn","cut","least"},"subjectsPerMinute":{"warn","cut"}},…]}; a row for one
 * caller, for an app ("/app" as the end), or "*" for the rest, which must be there.
 * PHI_ERR_CONFIG names file and field; PHI_ERR_MEMORY. The caller closes. */
enum phi_err watch_open(const char *path, struct watch **out, struct phi_error *error) PHI_MUST_USE;
void watch_close(struct watch *watch); /* NULL is fine */

/* Never NULL; lives as long as the watch. */
struct watch_caller *watch_find(struct watch *watch, const char *platform, const char *program,
                                const char *app);
/* The same by its name; NULL for what is no name of a caller. */
struct watch_caller *watch_find_name(struct watch *watch, const char *name);

bool watch_is_cut(const struct watch_caller *caller);
void watch_cut(struct watch_caller *caller);
/* The list of all who are cut off: those confirmed between begin and end are, the others are no
 * longer, and are judged again from the next minute on. One thread. */
void watch_begin_cuts(struct watch *watch);
void watch_confirm_cut(struct watch *watch, const char *name);
void watch_end_cuts(struct watch *watch, int64_t now_us);

/* One verification; `subject` NULL when it is not known. */
void watch_note(struct watch_caller *caller, int64_t now_us, bool has_failed,
                const uint8_t subject[PHI_SUBJECT_LEN]);

/* Calls `tell` for each bound passed in the running minute and not told yet; nothing is cut by it.
 * One thread. */
void watch_judge(struct watch *watch, int64_t now_us,
                 void (*tell)(void *context, const struct watch_finding *finding), void *context);

#endif
