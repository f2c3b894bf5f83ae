/*
 * Mutants: deliberate faults by which the conformance checker (tests/conformance) is itself
 * tested. They exist only in builds with the CMake option PHI_MUTANTS; elsewhere every switch is
 * the constant 0 and the compiler drops what hangs on it, so no release holds one
 * (tests/tools/check-symbols looks).
 *
 *     return now_s > code->deadline_s - PHI_MUTANT(deadline_early);
 *
 * PHI_MUTANT=name in the environment chooses one; PHI_MUTANT=@/path names a file whose first line
 * is the name, read anew at each question, so that a running service can be switched.
 * tests/conformance/mutants.txt lists them all.
 */
#ifndef PHI_BASE_MUTANT_H
#define PHI_BASE_MUTANT_H

#ifdef PHI_MUTANTS
#include <stdbool.h>

/* True while the mutant of this name is chosen. Blocks at the first question only; any thread. */
bool phi_mutant_is(const char *name);

#define PHI_MUTANT(name) phi_mutant_is(#name)
#else
#define PHI_MUTANT(name) 0
#endif

#endif
