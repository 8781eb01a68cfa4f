/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * Randomness for libsodium from the one function that the host gives: env.random(pointer, length).
 */

#include <sodium.h>

#include "random.h"

__attribute__((import_module("env"), import_name("random")))
extern void host_random(void *buffer, size_t length);


static const char *
name(void)
{
    return "host";
}


static uint32_t
random32(void)
{
    uint32_t  value;

    host_random(&value, sizeof(value));

    return value;
}


static void
fill(void *const buffer, const size_t length)
{
    host_random(buffer, length);
}


struct randombytes_implementation  chatalot_random = {
    .implementation_name = name,
    .random = random32,
    .buf = fill
};
