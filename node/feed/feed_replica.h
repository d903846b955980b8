// SPDX-License-Identifier: Apache-2.0
// The feed of one backup: frames from the log, or from a scan of the tables where the log no longer
// reaches back. What to send when is the rules' decision (cluster/rules/primary.h); this encodes
// it.
#pragma once

#include "node/feed/outlet.h"
#include "node/feed/source.h"

// Appends APPEND frames with the effects from_seq ... to_seq, all made under made_epoch, to the
// outlet, several where one would grow too large.
void feed_replica_append(struct outlet *outlet, const struct source *source, uint64_t from_seq,
                         uint64_t to_seq, uint64_t made_epoch);

// Tells a backup of the commit point alone; it has the log up to sent_seq.
void feed_replica_commit(struct outlet *outlet, const struct source *source, uint64_t sent_seq);

// A scan that fills an empty backup.
struct fill {
    uint64_t start_seq; // of the log when the scan began: what the scan stands for at least
    char (*maps)[256];  // owned; names of the partition's maps when the scan began
    uint32_t map_count;
    uint32_t map_number; // the map being walked
    uint64_t hash;       // position in it
    bool is_active;
};

// Sends FILL_BEGIN and prepares the scan, which stands for the log up to start_seq; `epochs`: of
// the log up to there.
void fill_start(struct fill *fill, struct outlet *outlet, const struct source *source,
                uint64_t start_seq, const struct epochs *epochs);

// Sends entries until the outlet holds `until_bytes` or the scan is over. True when it is over: the
// fill is inactive again, and fill_end is due.
bool fill_continue(struct fill *fill, struct outlet *outlet, const struct source *source,
                   size_t until_bytes);

// Sends the results of operations (of all: a backup that replays effects over what the scan saw too
// new cannot tell what they answered), and FILL_END: from exact_seq on the copy will be exact.
void fill_end(struct outlet *outlet, const struct source *source, uint64_t exact_seq);

void fill_stop(struct fill *fill);
