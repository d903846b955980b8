// SPDX-License-Identifier: Apache-2.0
// What can be known of a query's types before it runs: sets node->family of every expression.
#pragma once

#include "node/query/ast.h"
#include "node/query/source.h"

// False, with a complaint about the source, where an operator can never have operands of its type.
MUST_USE bool check_select(struct select *select, struct source *source);
