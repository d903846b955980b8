// SPDX-License-Identifier: Apache-2.0
// The figures of one thing: as a table a line per figure, elsewhere one record.
#pragma once

#include "client/shell/result.h"

struct card {
    struct shell_result *result; // owned from card_begin to card_end
    bool is_table;
};

// `output` must outlive the card.
void card_begin(struct card *card, const struct shell_output *output);
void card_end(struct card *card); // shows it

void card_json(struct card *card, const char *name, struct bytes json);
void card_null(struct card *card, const char *name);
void card_text(struct card *card, const char *name, const char *text);
void card_uint(struct card *card, const char *name, uint64_t number);
