/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * What the host needs besides the library: memory to put arguments into, wiped when it is given
 * back.
 */

#include <stdlib.h>

#include <sodium.h>

void *chatalot_allocate(size_t length);
void  chatalot_release(void *memory, size_t length);


__attribute__((export_name("chatalot_allocate")))
void *
chatalot_allocate(size_t length)
{
    return malloc(length ? length : 1);
}


__attribute__((export_name("chatalot_release")))
void
chatalot_release(void *memory, size_t length)
{
    sodium_memzero(memory, length);
    free(memory);
}
