// SPDX-License-Identifier: Apache-2.0
// What one client holds at most, and its defaults.
#pragma once

#include "cluster/model/limits.h"

enum {
    CLIENT_DEFAULT_PORT = 7400,
    CLIENT_TIMEOUT_MS = 5000,
    CLIENT_CONNECT_TIMEOUT_MS = 2000,
    CLIENT_PENDING_MAX = 65536,
    CLIENT_NO_QUORUM_MS = 3000, // a failover with default settings takes that long
    CLIENT_RETRY_FIRST_MS = 2,  // pause after a refusal
    CLIENT_RETRY_MAX_MS = 100,
    CLIENT_RECONNECT_MAX_MS = 1000,
    CLIENT_RECONNECT_FIRST_MS = 10,
    CLIENT_SEEDS_MAX = 64,
    // A request id is a generation and a slot; generation 0 is left to the session, and the top bit
    // to continuous queries (see id.h).
    CLIENT_SLOT_BITS = 20,
    CLIENT_SLOTS_MAX = 1 << CLIENT_SLOT_BITS,
    // Half of the slots may be under way, so that requests which timed out, and still wait for
    // their late answer, do not starve the others at once.
    CLIENT_PENDING_LIMIT = CLIENT_SLOTS_MAX / 2,
    CLIENT_SUBSCRIPTIONS_MAX = 4 * 1024 * 1024,
    CLIENT_PENDING_BYTES_MAX = 256 * 1024 * 1024, // frames of all requests under way
    CLIENT_OUT_BYTES_MAX = 32 * 1024 * 1024,      // a connection takes no more requests beyond this
    CLIENT_FRAME_KEEP_BYTES = 4096,               // a slot keeps a frame buffer up to this size
    CLIENT_READ_BYTES = 64 * 1024,                // of one read
    CLIENT_STREAM_KEEP_BYTES = 256 * 1024, // an idle connection keeps buffers up to this size
    CLIENT_FAILURE_BYTES = 512,            // text of why a connection failed
    CLIENT_VIEW_INTERVAL_MS = 100,         // between two questions for the view
    CLIENT_VIEW_URGENT_MS = 10,      // likewise, when something cannot go on without a newer one
    CLIENT_VIEW_PATIENCE_MS = 200,   // then another member is asked for the view
    CLIENT_VIEW_TROUBLE_MAX = 10,    // members asked in vain before a seed is
    CLIENT_WATCH_MS = 100,           // how often requests that take long are looked after
    CLIENT_SILENCE_MS = 300,         // of a connection with requests under way: rather dead
    CLIENT_SYNC_PAUSE_MS = 20,       // before a call that asks many workers asks them again
    CLIENT_REFUSED_MS = 100,         // pause before a refused SUBSCRIBE or FOLLOW is sent again
    CLIENT_PROGRESS_MS = 1000,       // how often a node says at least how far it is
    CLIENT_PROGRESS_MISSED_MAX = 3,  // then the connection is given up
    CLIENT_LOST_MS = 500,            // a partition without a feed for so long is lost
    CLIENT_CHECK_INTERVAL_MS = 1000, // how often connections with subscriptions are looked after
};

static_assert((int)CLIENT_PENDING_BYTES_MAX > (int)FRAME_BODY_BYTES_MAX,
              "the largest request fits");
