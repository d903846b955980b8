// SPDX-License-Identifier: Apache-2.0
// Request ids. With the top bit they are those of continuous queries: 2 bits say what is asked, the
// rest which subscription. An operation's is (generation << CLIENT_SLOT_BITS | slot) with a
// generation from 1 up. Generation 0 is the session's.
#pragma once

#include "client/bounds.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    CLIENT_ID_HELLO = 0,
    CLIENT_ID_PING = 1,
    CLIENT_ID_VIEW = 2,
};

enum client_question {
    CLIENT_SUBSCRIBE = 0, // also the id of the subscription's events
    CLIENT_FOLLOW = 1,    // of one subscription
    CLIENT_UNSUBSCRIBE = 2,
    CLIENT_FOLLOW_JOINED = 3, // the number counts the questions
};

#define CLIENT_ID_STANDING UINT32_C(0x80000000)

enum { CLIENT_NUMBER_BITS = 29 };

static_assert(CLIENT_SUBSCRIPTIONS_MAX < 1 << CLIENT_NUMBER_BITS, "their numbers fit");

static inline bool client_id_is_standing(uint32_t id)
{
    return (id & CLIENT_ID_STANDING) != 0;
}

static inline uint32_t client_id_of(enum client_question question, uint32_t number)
{
    return CLIENT_ID_STANDING | (uint32_t)question << CLIENT_NUMBER_BITS |
           (number & ((1U << CLIENT_NUMBER_BITS) - 1));
}

static inline enum client_question client_id_question(uint32_t id)
{
    return (enum client_question)(id >> CLIENT_NUMBER_BITS & 3);
}

static inline uint32_t client_id_number(uint32_t id)
{
    return id & ((1U << CLIENT_NUMBER_BITS) - 1);
}

static inline bool client_id_is_operation(uint32_t id)
{
    return !client_id_is_standing(id) && id >> CLIENT_SLOT_BITS != 0;
}
