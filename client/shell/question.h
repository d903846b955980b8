// SPDX-License-Identifier: Apache-2.0
// A question to whoever sits at the terminal.
#pragma once

#include "client/shell/shell.h"

// Shows the prompt and waits for a line, while the client goes on; blanks around the answer are
// taken away. False when there is none: Ctrl-C, Ctrl-D, or a line as long as `size`.
MUST_USE bool question_ask(struct shell *shell, const char *prompt, char *answer, size_t size);
