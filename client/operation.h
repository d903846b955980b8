// SPDX-License-Identifier: Apache-2.0
// Operations on their way: routed to the owner's worker, sent, answered, and repeated after a
// refusal or a lost connection until their deadline. Writes carry a number, so that a retry is
// never applied twice.
//
//   submit.c     what callers ask for
//   operation.c  sending, answers, lost connections
//   patience.c   what takes long: deadlines, connections that have gone silent
#pragma once

#include "client/core.h"
#include "cluster/model/cluster.h"
#include "cluster/model/key.h"

// Sends an operation of the library's own to just this link; `answer` comes later, exactly once. It
// is not repeated after it may have been applied. Bytes of `op` are copied. ERROR_OVERLOADED:
// refused.
MUST_USE enum error client_operation_send(struct grid *grid, struct client_link *link,
                                          const struct op *op, client_answer_fn *answer,
                                          void *context);

// The same for a command of the operator. The answer's `value` is one well-formed object.
MUST_USE enum error client_operation_send_cluster(struct grid *grid, struct client_link *link,
                                                  const struct cluster_request *command,
                                                  client_answer_fn *answer, void *context);

// The same for questions about continuous queries.
MUST_USE enum error client_operation_send_explain(struct grid *grid, struct client_link *link,
                                                  struct bytes query, client_answer_fn *answer,
                                                  void *context);
MUST_USE enum error client_operation_send_subscriptions(struct grid *grid, struct client_link *link,
                                                        uint32_t skip, uint32_t limit,
                                                        client_answer_fn *answer, void *context);

// ERROR_NONE, or what is wrong with the request; *what names the field (static storage).
MUST_USE enum error client_operation_check(const struct grid_request *request, const char **what);

// Sends those queued requests that a link takes now, in order. Calls nobody back.
void client_operations_route(struct grid *grid);

// The answer to an operation. NULL, or why the link is to be given up.
const char *client_operations_answer(struct grid *grid, struct client_link *link,
                                     const struct frame *frame);

// The link has lost its connection, or goes away (`is_end`): its requests are queued again or
// doomed. Calls nobody back; client_operations_settle then does.
void client_operations_detach(struct grid *grid, struct client_link *link, bool is_end);
void client_operations_settle(struct grid *grid);

// Once a turn: looks now and then after requests that take long.
void client_operations_watch(struct grid *grid);

void client_operations_start(struct grid *grid);

// Calls back everything that is under way with ERROR_CANCELLED.
void client_operations_cancel(struct grid *grid);
void client_operations_stop(struct grid *grid);

// ---- Between submit.c, operation.c and patience.c ----

// A queued request of this client's time-out, not pinned, its frame still empty; NULL when too many
// are under way.
struct client_request *client_operation_take(struct grid *grid, enum op_kind kind);

// Its deadline comes, and until then somebody looks after it.
void client_operation_await(struct grid *grid, struct client_request *request);

// Sends the queued request, if a link takes it now.
void client_operation_route(struct grid *grid, struct client_request *request);

// Tells who asked. A request that becomes late keeps its slot.
void client_operation_end(struct grid *grid, struct client_request *request,
                          const struct op_reply *reply, uint8_t view, bool becomes_late);

// The same, with an answer of the library's own.
void client_operation_fail(struct grid *grid, struct client_request *request, enum error error,
                           const char *text, bool becomes_late);

static inline uint16_t client_operation_partition(const struct grid *grid,
                                                  const struct client_request *request)
{
    return key_partition(request->hash, grid->topology.view.partition_count);
}
