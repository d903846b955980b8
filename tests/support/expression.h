// SPDX-License-Identifier: Apache-2.0
// Random expressions of the query language and random documents for them, from a seed.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/random.h"

// Appends the text of a boolean, or (by chance) numeric or string, expression that compiles.
void expression_write_boolean(struct random *random, unsigned depth, struct buffer *out);
void expression_write_any(struct random *random, unsigned depth, struct buffer *out);

// Appends a map with the fields that the expressions name, each of any type or missing.
void expression_write_document(struct random *random, struct buffer *out);
