// SPDX-License-Identifier: Apache-2.0
// Planted bugs: what the simulator must catch. The product's code stays as it is; what it sends,
// hears or is told is falsified around it, with the effect that the bug in it would have.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/model/raft_message.h"
#include "cluster/model/wish.h"
#include "cluster/wire/frame.h"

struct session;
struct machine;
struct machine_shard;
struct view;

// Behind each: how many of the seeds 1 to 1000 catch it, and the longest run of seeds among them
// that does not.
enum bug {
    BUG_NONE = 0,
    BUG_ACK_EARLY,     // writes are acknowledged before the backup has them: 350, 12
    BUG_LEASE_IGNORED, // a primary goes on serving when its lease is over: 646, 8
    BUG_DROP_UNAGREED, // a primary leaves a backup out that the view still lists as in sync: 301,
                       // 20
    BUG_ADD_EARLY,     // a primary wishes a backup in sync that has not caught up: 145, 35
    BUG_VOTE_TWICE,    // a voter grants everybody its vote: 18, 150
    BUG_DEDUPE_LOST,   // backups do not hear which operation made an effect: 164, 23
    BUG_CUT_LOST,      // a backup does not cut off what is not the truth: 103, 41
    BUG_SCAN_RULE,     // a row is not sent that a write ahead of the walk has replaced:
                       // 469, 7
    BUG_MISSED_LEAVE,  // a subscriber does not hear that an update has taken an entry out:
                       // 992, 1
    BUG_RESUME,        // a subscriber goes on one effect after where it was: 799, 3
    BUG_COUNT
};

const char *bug_name(enum bug bug);
// BUG_COUNT: there is none of this name.
enum bug bug_by_name(const char *name);

// What leaves on a link to a backup: appends what really leaves to `out`.
void bug_falsify_link(struct session *session, struct bytes frames, struct buffer *out);
// After frames left on a link.
void bug_after_link(struct session *session, struct bytes frames);
// A view before the shard is told of it: what the bug has made of it before stays.
void bug_falsify_view(const struct machine_shard *shard, struct view *view);
// A lease as the shard is told of it.
uint64_t bug_falsify_lease(const struct machine *machine, uint64_t until_us);
// Wishes before they are told to the consensus: `count` of them, of this shard. Returns the count.
uint32_t bug_falsify_wishes(struct machine_shard *shard, struct wish *wishes, uint32_t count,
                            uint32_t capacity);
// What waits to be sent to a client, beyond session->falsified_bytes.
void bug_falsify_events(struct session *session);
// What a client asks, as the node is to understand it: borrowed from the frame or from `forged`.
struct frame bug_falsify_question(const struct session *session, const struct frame *frame,
                                  struct buffer *forged);
// A message of the consensus that this machine has just received.
void bug_after_raft(struct machine *machine, const struct raft_message *message);
