/*
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The content key of a DM message as its bytes: prefix, channel, message, sender's user and
 * device, key, hash of the sealed payload.
 */

#ifndef CHATALOT_CONTENT_KEY_H
#define CHATALOT_CONTENT_KEY_H

#include "bytes.h"

#define CONTENT_CHANNEL_AT      CHATALOT_PREFIX
#define CONTENT_MESSAGE_AT      (CONTENT_CHANNEL_AT + 16)
#define CONTENT_USER_AT         (CONTENT_MESSAGE_AT + 16)
#define CONTENT_DEVICE_AT       (CONTENT_USER_AT + 16)
#define CONTENT_KEY_AT          (CONTENT_DEVICE_AT + 16)
#define CONTENT_HASH_AT         (CONTENT_KEY_AT + 32)

#endif /* CHATALOT_CONTENT_KEY_H */
