// SPDX-License-Identifier: Apache-2.0
// Operations on their way: routed to the owner's worker, sent, answered, repeated after a lost
// connection where that cannot apply anything twice, and given up at their deadline.
#pragma once

#include "client/core.h"

// Sends an operation of the library's own to just this link (OP_NONE: VIEW); `answer` comes later,
// exactly once. Bytes of `op` are copied. ERROR_OVERLOADED: refused.
MUST_USE enum error client_operation_send(struct grid *grid, struct client_link *link,
                                          const struct op *op, client_answer_fn *answer,
                                          void *context);

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

void client_operations_start(struct grid *grid);

// Calls back everything that is under way with ERROR_CANCELLED.
void client_operations_cancel(struct grid *grid);
void client_operations_stop(struct grid *grid);
