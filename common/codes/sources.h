/* The data sources of GB/T 38961 B.2, a to n: the one list of their letters, names and streams.
 * docs/sources.md says what each is.
 *
 *   for (size_t i = 0; i < PHI_SOURCES_COUNT; i++)
 *       topics[i] = phi_service_topic(service, phi_sources[i].stream);
 *   uint32_t bit = phi_source_bit("source.tests");   // c: 1u << 2
 *
 * Static data; any thread.
 */
#ifndef PHI_CODES_SOURCES_H
#define PHI_CODES_SOURCES_H

#include <stddef.h>
#include <stdint.h>

#define PHI_SOURCES_COUNT 15 /* m has two streams: health and trips */

struct phi_source {
    char letter; /* of B.2 */
    const char
        *kind; /* of POST /v1/sources/{kind} and of an app's right; NULL: citizens declare it */
    const char *stream; /* of the topic; the fact's source */
};

extern const struct phi_source phi_sources[PHI_SOURCES_COUNT];

/* The bit of a stream's letter, a is bit 0; 0 for no data source. */
uint32_t phi_source_bit(const char *stream);

#endif
