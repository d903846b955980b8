// SPDX-License-Identifier: Apache-2.0
// Request ids. An operation's is (generation << CLIENT_SLOT_BITS | slot) with a generation from 1
// up. Generation 0 is the session's: 0 is HELLO, n is the SUBSCRIBE of subscription n (and so the
// id of its events), CLIENT_ID_UNSUBSCRIBE + n is its UNSUBSCRIBE, CLIENT_ID_PING is PING, and
// CLIENT_ID_VIEW is VIEW.
#pragma once

#include "client/bounds.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLIENT_ID_HELLO = 0,
    CLIENT_ID_UNSUBSCRIBE = CLIENT_SLOTS_MAX / 2,
    CLIENT_ID_PING = CLIENT_ID_UNSUBSCRIBE,
    CLIENT_ID_VIEW = CLIENT_SLOTS_MAX - 1,
};

static_assert((int)CLIENT_SUBSCRIPTIONS_MAX < (int)CLIENT_ID_UNSUBSCRIBE,
              "the two ranges are apart");
static_assert((int)CLIENT_ID_UNSUBSCRIBE + (int)CLIENT_SUBSCRIPTIONS_MAX < (int)CLIENT_ID_VIEW,
              "the last id is free");

static inline bool client_id_is_operation(uint32_t id)
{
    return id >> CLIENT_SLOT_BITS != 0;
}
