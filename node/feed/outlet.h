// SPDX-License-Identifier: Apache-2.0
// Where frames leave to one connection: a buffer, and the word that it has something to write.
// Whoever writes knows nothing of sockets; whoever owns the socket knows nothing of what is
// written. One outlet belongs to one thread.
#pragma once

#include "cluster/base/buffer.h"

struct outlet {
    struct buffer out;       // frames not yet written
    size_t limit_bytes;      // beyond it subscriptions are ended
    uint32_t holders;        // who will still write here later: the owner must not free it before 0
    size_t waiting_bytes;    // of answers that they will write, as far as known
    size_t hop_answer_bytes; // size of recent answers by other workers (node/worker/hop.c)
    uint32_t progress_round; // of the last PROGRESS written here (node/feed/watch.c)
    bool is_dirty;           // `changed` was called and the owner has not flushed since
    bool is_closed;          // nothing written from now on reaches anybody
    void (*changed)(struct outlet *outlet);  // bytes were added: flush at the end of this loop turn
    void (*released)(struct outlet *outlet); // closed, and the last holder has let go
};

static inline void outlet_changed(struct outlet *outlet)
{
    if (outlet->is_dirty)
        return;
    outlet->is_dirty = true;
    outlet->changed(outlet);
}

static inline bool outlet_is_full(const struct outlet *outlet)
{
    return buffer_size(&outlet->out) > outlet->limit_bytes;
}

// Beyond it no more operations are executed for this outlet until some of it was written. What
// waits elsewhere counts: otherwise answers without end could gather before the first is here.
enum { OUTLET_PAUSE_BYTES = 256 * 1024 };

static inline bool outlet_wants_pause(const struct outlet *outlet)
{
    return buffer_size(&outlet->out) + outlet->waiting_bytes > OUTLET_PAUSE_BYTES;
}

static inline void outlet_hold(struct outlet *outlet)
{
    outlet->holders++;
}

static inline void outlet_let_go(struct outlet *outlet)
{
    if (--outlet->holders == 0 && outlet->is_closed)
        outlet->released(outlet);
}
