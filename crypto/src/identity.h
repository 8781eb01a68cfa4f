/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The form of an identity, which items contain.
 */

#ifndef CHATALOT_IDENTITY_H
#define CHATALOT_IDENTITY_H

#include <stdint.h>

/* Of CHATALOT_IDENTITY_LENGTH bytes: CHATALOT_OK or _FORMAT. */
int identity_check(const uint8_t *identity);

#endif /* CHATALOT_IDENTITY_H */
