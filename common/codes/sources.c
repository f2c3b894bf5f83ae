#include "codes/sources.h"

#include <string.h>

const struct phi_source phi_sources[PHI_SOURCES_COUNT] = {
    {'a', "cases", "source.cases"},     {'b', "contacts", "source.contacts"},
    {'c', "tests", "source.tests"},     {'d', "fever-clinics", "source.fever-clinics"},
    {'e', "roaming", "source.roaming"}, {'f', "travel", "source.travel"},
    {'g', "border", "source.border"},   {'h', "customs", "source.customs"},
    {'i', "venues", "source.venues"},   {'j', "health-records", "source.health-records"},
    {'k', "surveys", "source.surveys"}, {'l', "checkpoints", "source.checkpoints"},
    {'m', NULL, "declare.health"},      {'m', NULL, "declare.trip"},
    {'n', "other", "source.other"},
};

uint32_t phi_source_bit(const char *stream)
{
    for (size_t i = 0; i < PHI_SOURCES_COUNT; i++)
        if (strcmp(phi_sources[i].stream, stream) == 0)
            return 1u << (phi_sources[i].letter - 'a');
    return 0;
}
