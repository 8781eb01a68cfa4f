/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The binding of a message, read back to compare it with the key it is used with.
 */

#ifndef CHATALOT_BINDING_H
#define CHATALOT_BINDING_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t   channel[16];
    uint64_t  epoch;
    uint8_t   message[16];
    uint8_t   user[16];
    uint8_t   device[16];
} binding;

/* CHATALOT_OK or CHATALOT_E_FORMAT. */
int binding_read(binding *b, const uint8_t *data, size_t length);

#endif /* CHATALOT_BINDING_H */
