#include "auth/registry.h"

/* The value is text, not jsonb: the signature is over its bytes. */
const char phi_auth_ddl[] = "CREATE TABLE auth_registry (\n"
                            "    topic text NOT NULL,\n"
                            "    key text NOT NULL,\n"
                            "    version bigint NOT NULL CHECK (version > 0),\n"
                            "    value text NOT NULL,\n"
                            "    signature text NOT NULL,\n"
                            "    key_serial text NOT NULL,\n"
                            "    kept_at timestamptz NOT NULL DEFAULT now(),\n"
                            "    PRIMARY KEY (topic, key)\n"
                            ");\n";
