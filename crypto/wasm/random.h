/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The source of randomness of the WebAssembly build. Included before every file of libsodium,
 * so it includes nothing.
 */

#ifndef CHATALOT_WASM_RANDOM_H
#define CHATALOT_WASM_RANDOM_H

extern struct randombytes_implementation chatalot_random;

#endif /* CHATALOT_WASM_RANDOM_H */
