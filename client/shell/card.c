// SPDX-License-Identifier: Apache-2.0
#include "client/shell/card.h"

void card_begin(struct card *card, const struct shell_output *output)
{
    card->result = shell_result_new(output);
    card->is_table = output->format == SHELL_FORMAT_TABLE;
    if (!card->is_table)
        shell_result_row(card->result);
}

void card_end(struct card *card)
{
    if (!card->is_table)
        shell_result_row_end(card->result);
    shell_result_end(card->result);
    shell_result_free(card->result);
    card->result = NULL;
}

void card_json(struct card *card, const char *name, struct bytes json)
{
    if (!card->is_table) {
        shell_result_json(card->result, bytes_of_text(name), json);
        return;
    }
    shell_result_row(card->result);
    shell_result_text(card->result, "figure", name);
    shell_result_json(card->result, bytes_of_text("value"), json);
    shell_result_row_end(card->result);
}

void card_null(struct card *card, const char *name)
{
    card_json(card, name, bytes_of_text("null"));
}

void card_text(struct card *card, const char *name, const char *text)
{
    if (!card->is_table) {
        shell_result_text(card->result, name, text);
        return;
    }
    shell_result_row(card->result);
    shell_result_text(card->result, "figure", name);
    shell_result_text(card->result, "value", text);
    shell_result_row_end(card->result);
}

void card_uint(struct card *card, const char *name, uint64_t number)
{
    char text[24];
    int size = snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    card_json(card, name, bytes_of(text, (size_t)size));
}
