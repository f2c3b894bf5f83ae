/* Whether this is still the process that made something secret of which there must be one only.
 *
 *   thing->life = phi_sm2_life();
 *   if (thing->life != phi_sm2_life()) …               // a child of a fork has a copy of it
 */
#ifndef PHI_CRYPTO_SM2_LIFE_H
#define PHI_CRYPTO_SM2_LIFE_H

/* Never 0, and another number in a forked child. Any thread. */
unsigned phi_sm2_life(void);

#endif
