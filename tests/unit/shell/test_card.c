// SPDX-License-Identifier: Apache-2.0
#include "client/shell/card.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void check_card(enum shell_format format, const char *expected)
{
    char *shown = NULL;
    size_t size = 0;
    struct shell_output output = {.file = open_memstream(&shown, &size), .format = format};
    struct card card;
    card_begin(&card, &output);
    card_text(&card, "class", "KEYED");
    card_uint(&card, "candidates", 12);
    card_null(&card, "key");
    card_end(&card);
    fclose(output.file);
    cr_assert_str_eq(shown, expected);
    free(shown);
}

Test(shell_card, a_table_has_a_line_per_figure)
{
    check_card(SHELL_FORMAT_TABLE, "figure      value\n"
                                   "----------  -----\n"
                                   "class       KEYED\n"
                                   "candidates  12\n"
                                   "key\n");
}

Test(shell_card, elsewhere_it_is_one_record)
{
    check_card(SHELL_FORMAT_JSON, "{\"class\":\"KEYED\",\"candidates\":12,\"key\":null}\n");
    check_card(SHELL_FORMAT_CSV, "class,candidates,key\nKEYED,12,\n");
}
