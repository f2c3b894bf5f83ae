/* How this process's heap behaves under a server's load.
 *
 *   int main(int argc, char **argv)
 *   {
 *       phi_memory_set_up();
 *       …
 */
#ifndef PHI_BASE_MEMORY_H
#define PHI_BASE_MEMORY_H

/* Requests come and go by the thousand a second with some KiB each: memory that one has freed is
 * kept for the next (4 MiB at the end of a heap), not given back and faulted in again, and small
 * pieces are joined when they are freed, not all together in the middle of a request. Before other
 * threads. */
void phi_memory_set_up(void);

#endif
