// SPDX-License-Identifier: Apache-2.0
// Numbers that do not depend on the entry are computed once: price > 2 * 60 compares with a
// constant, which an index can use.
#pragma once

#include "node/query/ast.h"

// Of a checked tree.
void fold_select(struct select *select);
