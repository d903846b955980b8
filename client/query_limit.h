// SPDX-License-Identifier: Apache-2.0
// The LIMIT of a query, which only the client can keep over all workers.
#pragma once

#include <stdint.h>

// The number after the last word LIMIT outside of quotes and comments; UINT64_MAX: none. Nodes
// compile the query: whatever is wrong with it, they say.
uint64_t client_query_limit(const char *query);
