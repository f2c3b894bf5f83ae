/* Inside the store: what lanes take from it. */
#ifndef PHI_STORE_STORE_INTERNAL_H
#define PHI_STORE_STORE_INTERNAL_H

#include "store/pg.h"

const struct phi_pg_options *phi_store_pg_options(const struct phi_store *store);

#endif
