// SPDX-License-Identifier: Apache-2.0
#include "client/shell/verb.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(shell_verb, names_have_no_case)
{
    cr_assert_eq(shell_verb_find(bytes_of_text("GetPut"))->id, VERB_GETPUT);
    cr_assert_eq(shell_verb_find(bytes_of_text("exit"))->id, VERB_QUIT);
    cr_assert_null(shell_verb_find(bytes_of_text("ge")));
    cr_assert_null(shell_verb_find(bytes_of_text("")));
}

Test(shell_verb, slips_find_the_nearest)
{
    static const struct {
        const char *typed;
        const char *near; // NULL: none
    } rows[] = {
        {"selct", "select"},
        {"mebmers", "members"},
        {"gett", "get"},
        {"wathc", "watch"},
        {"delete", NULL},
        {"x", NULL},
        {"a_word_longer_than_any_verb", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct shell_verb *near = shell_verb_nearest(bytes_of_text(rows[i].typed));
        if (rows[i].near == NULL)
            cr_assert_null(near, "%s", rows[i].typed);
        else
            cr_assert_str_eq(near->name, rows[i].near);
    }
}

static char *help_of(const char *name)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    shell_verb_help(file, name != NULL ? shell_verb_find(bytes_of_text(name)) : NULL);
    fclose(file);
    return text;
}

Test(shell_verb, help_lists_every_verb)
{
    char *text = help_of(NULL);
    for (const struct shell_verb *verb = shell_verbs(); verb->name != NULL; verb++)
        cr_assert_not_null(strstr(text, verb->name), "%s", verb->name);
    free(text);
}

Test(shell_verb, help_of_a_verb_starts_with_how_it_is_written)
{
    char *text = help_of("touch");
    cr_assert_eq(strncmp(text, "touch MAP KEY TTL [IDLE d]\n", 27), 0);
    free(text);
    text = help_of("exit");
    cr_assert_eq(strncmp(text, "quit\n", 5), 0);
    free(text);
}
