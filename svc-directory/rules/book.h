/* Which rules are in force when: PHI_RULES_FILE first, then what the table of activations says.
 *
 *   PHI_GUARD(rules_book_new(first, "320000", &book));
 *   PHI_GUARD(rules_book_refresh(book, conn, now_us, &error));       // again and again
 *   const struct rules *rules = rules_book_at(book, now_us);
 *   rules_book_free(book);
 *
 * Rules once loaded stay until the book is freed, so what rules_book_at gives may be kept. Any
 * thread.
 */
#ifndef SVC_DIRECTORY_RULES_BOOK_H
#define SVC_DIRECTORY_RULES_BOOK_H

#include "store/store.h"
#include "svc-directory/rules/rules.h"

#define RULES_SETS_MAX  128 /* activations held at once; the oldest go first */
#define RULES_TRIAL_LEN 16

struct rules_book;

struct rules_force {
    int64_t number; /* 0: PHI_RULES_FILE */
    int64_t from_us;
    uint8_t trial_id[RULES_TRIAL_LEN];
    bool is_file; /* also of a rollback to it */
    const struct rules *rules;
};

/* Takes `first`, also on failure. PHI_ERR_MEMORY. */
enum phi_err rules_book_new(struct rules *first, const char *region,
                            struct rules_book **out) PHI_MUST_USE;
void rules_book_free(struct rules_book *book); /* NULL is fine */

/* Reads the activations that it doesn't know, of those in force or to come. Blocks as statements
 * do; one thread at a time. PHI_ERR_STORE, PHI_ERR_MEMORY. */
enum phi_err rules_book_refresh(struct rules_book *book, struct phi_conn *conn, int64_t now_us,
                                struct phi_error *error) PHI_MUST_USE;

const struct rules *rules_book_first(const struct rules_book *book); /* PHI_RULES_FILE */
const struct rules *rules_book_at(struct rules_book *book, int64_t now_us);
/* What is in force at now_us (the first), and what is to come, by number; how many. */
size_t rules_book_list(struct rules_book *book, int64_t now_us, struct rules_force *out,
                       size_t max);
/* A sweep of this activation begins: from here on nobody is graded by what was before it, whatever
 * their batch's clock says. */
void rules_book_begin(struct rules_book *book, const struct rules_force *force);

#endif
