// SPDX-License-Identifier: Apache-2.0
// The WHERE of a standing query as compact code: a run of bytes with its constants inside, over
// slots that all queries of its map share (fields.h). It says TRUE for exactly the same entries as
// query_matches.
#pragma once

#include "node/query/fields.h"
#include "node/query/query.h"

// Room for evaluations: one for each thread.
struct code_stack;

struct code_stack *code_stack_new(void);
void code_stack_free(struct code_stack *stack);

// Compiles the WHERE of `query`, which must have one, and appends the code to `out`; it may be
// moved and copied, and has no address inside. Holds its fields until code_release. False, with
// nothing appended or held, when there are too many fields.
MUST_USE bool code_compile(const struct query *query, struct fields *fields, struct buffer *out);
void code_release(struct bytes code, struct fields *fields);

// Whether the WHERE is TRUE. `slots` as of fields_find.
bool code_matches(struct bytes code, struct bytes key, const struct bytes *slots,
                  struct code_stack *stack);

// Calls `visit` for each slot that the code reads (once or more), for who wants to know whether a
// change concerns it.
void code_each_slot(struct bytes code, void (*visit)(void *context, uint16_t slot), void *context);
// It reads the key of the entry as well.
bool code_reads_key(struct bytes code);
