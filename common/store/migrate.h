/* Migrations: numbered SQL texts, each applied once and in order, under an advisory lock, each in
 * its own transaction with its row in <schema>.migrations. The schema is made when it is missing
 * and the role may.
 *
 *   static const struct phi_migration migrations[] = {{1, "lane", phi_lane_ddl},
 *       {2, "codes", (const char *)phi_embed_001_codes_sql}};
 *   PHI_GUARD(phi_migrate(conninfo, "codegen", migrations, 2, &error));
 */
#ifndef PHI_STORE_MIGRATE_H
#define PHI_STORE_MIGRATE_H

#include "base/err.h"

struct phi_migration {
    int number; /* rising from 1 */
    const char *name;
    const char *sql; /* any number of statements, no BEGIN or COMMIT; names without the schema */
};

/* PHI_ERR_CONFIG: the options are wrong, a published text was changed, the database has a migration
 * that this program doesn't know, or a text does not run (error->place is its name). PHI_ERR_STORE:
 * no database. Waits up to 60 s for another process that is migrating; two at once end with the
 * same result. Blocks. */
enum phi_err phi_migrate(const char *conninfo, const char *schema,
                         const struct phi_migration *migrations, size_t count,
                         struct phi_error *error) PHI_MUST_USE;

#endif
