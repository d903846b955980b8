// SPDX-License-Identifier: Apache-2.0
// Where a watch keeps its resume token: a file with one line.
#pragma once

#include "client/grid.h"
#include "cluster/base/buffer.h"
#include "cluster/base/check.h"

enum { TOKEN_FILE_BYTES_MAX = 1024 * 1024 }; // of the text; a token is at most half of that

// Appends the token of this file; or, where there is no such file, the one that `word` itself is.
// False with why in `fault`.
MUST_USE bool token_file_read(struct buffer *out, const char *word, char *fault, size_t fault_size);

// Replaces the file as a whole: whoever reads it sees the token of before or this one. False with
// errno set.
MUST_USE bool token_file_write(const char *path, struct grid_bytes token);
