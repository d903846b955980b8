// SPDX-License-Identifier: Apache-2.0
// A view as all threads of a node share it: never changed once published, freed by the last thread
// that holds it.
#pragma once

#include "cluster/model/view.h"

#include <stdalign.h>
#include <stdatomic.h>

// A socket address as node/net/address.h makes and reads it: here it is but carried along.
struct peer_address {
    alignas(8) uint8_t bytes[128];
    uint32_t size; // 0: not known (yet)
};

struct published_view {
    atomic_uint holders;
    struct view view;               // owned
    struct peer_address *addresses; // owned; by member number
};

// Takes a copy of the view; addresses are zero. One holder: the caller.
static inline struct published_view *published_view_new(const struct view *view)
{
    struct published_view *published = memory_new(sizeof *published);
    atomic_init(&published->holders, 1);
    view_copy(&published->view, view);
    published->addresses = memory_new_array(view->member_count, sizeof *published->addresses);
    return published;
}

static inline struct published_view *published_view_hold(struct published_view *published)
{
    atomic_fetch_add_explicit(&published->holders, 1, memory_order_relaxed);
    return published;
}

// NULL is allowed.
static inline void published_view_release(struct published_view *published)
{
    if (!published || atomic_fetch_sub_explicit(&published->holders, 1, memory_order_acq_rel) != 1)
        return;
    view_deinit(&published->view);
    free(published->addresses);
    free(published);
}
