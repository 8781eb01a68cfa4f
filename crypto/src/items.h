/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Checks on the bodies that items and letters share.
 */

#ifndef CHATALOT_ITEMS_H
#define CHATALOT_ITEMS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The size and version of a known kind's body; other kinds are not looked into. CHATALOT_OK,
 * _FORMAT or _VERSION.
 */
int item_check(uint8_t kind, const uint8_t *body, size_t length);

/*
 * That items walk to their end, each of known kind well formed. CHATALOT_OK, _FORMAT or
 * _VERSION.
 */
int items_check(const uint8_t *items, size_t length);

#endif /* CHATALOT_ITEMS_H */
