// SPDX-License-Identifier: Apache-2.0
#include "client/shell/options.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum { ARGUMENTS_MAX = 600 };

// Parses these arguments; what was shown is in *shown, to be released.
static enum shell_options_verdict parse(struct shell_options *options, const char *const *words,
                                        char **shown)
{
    char *argv[ARGUMENTS_MAX + 2] = {strdup("grid-shell")};
    int argc = 1;
    for (; *words != NULL; words++)
        argv[argc++] = strdup(*words);
    size_t size = 0;
    FILE *errors = open_memstream(shown, &size);
    enum shell_options_verdict verdict = shell_options_parse(options, argc, argv, errors);
    fclose(errors);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return verdict;
}

#define PARSE(options, shown, ...) parse(options, (const char *const[]){__VA_ARGS__, NULL}, shown)

Test(shell_options, takes_seeds_and_options_in_any_order)
{
    static struct shell_options options;
    char *shown;
    cr_assert_eq(PARSE(&options, &shown, "a:1", "-e", "ping", "b:2", "--execute", "maps", "-o",
                       "csv", "--timeout", "250", "--keep-going", "--no-color"),
                 SHELL_OPTIONS_RUN);
    cr_assert_str_eq(options.seeds, "a:1,b:2");
    cr_assert_eq(options.command_count, 2);
    cr_assert_eq(options.format, SHELL_FORMAT_CSV);
    cr_assert(options.format_given && options.keep_going && options.no_colour);
    cr_assert_eq(options.timeout_ms, 250);
    free(shown);
}

Test(shell_options, has_defaults)
{
    static struct shell_options options;
    char *shown;
    cr_assert_eq(parse(&options, (const char *const[]){NULL}, &shown), SHELL_OPTIONS_RUN);
    cr_assert_str_eq(options.seeds, "");
    cr_assert_eq(options.timeout_ms, 5000);
    cr_assert_not(options.format_given);
    free(shown);
}

Test(shell_options, says_what_is_wrong)
{
    static const struct {
        const char *words[3];
        const char *text;
    } rows[] = {
        {{"-x"}, "grid-shell: no such option: -x; see --help\n"},
        {{"--nonsense"}, "grid-shell: no such option: --nonsense; see --help\n"},
        {{"-e"}, "grid-shell: a value is missing behind -e; see --help\n"},
        {{"-o", "xml"}, "grid-shell: no such output format: xml; see --help\n"},
        {{"--timeout", "0"},
         "grid-shell: --timeout takes milliseconds, 1 to 3600000, not 0; see --help\n"},
        {{"--timeout", "5s"},
         "grid-shell: --timeout takes milliseconds, 1 to 3600000, not 5s; see --help\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static struct shell_options options;
        char *shown;
        cr_assert_eq(parse(&options, rows[i].words, &shown), SHELL_OPTIONS_WRONG);
        cr_assert_str_eq(shown, rows[i].text);
        free(shown);
    }
}

Test(shell_options, bounds_seeds_and_commands)
{
    static struct shell_options options;
    const char *words[ARGUMENTS_MAX + 1];
    char *shown;
    for (size_t i = 0; i < ARGUMENTS_MAX; i++)
        words[i] = i % 2 == 0 ? "-e" : "ping";
    words[ARGUMENTS_MAX] = NULL;
    cr_assert_eq(parse(&options, words, &shown), SHELL_OPTIONS_WRONG);
    cr_assert_str_eq(shown, "grid-shell: more than 256 commands; see --help\n");
    free(shown);
    for (size_t i = 0; i < ARGUMENTS_MAX; i++)
        words[i] = "host.example:7400";
    cr_assert_eq(parse(&options, words, &shown), SHELL_OPTIONS_WRONG);
    cr_assert_str_eq(shown, "grid-shell: too many nodes are named; see --help\n");
    free(shown);
}

Test(shell_options, help_and_version_come_first)
{
    static struct shell_options options;
    char *shown;
    cr_assert_eq(PARSE(&options, &shown, "--help", "-x"), SHELL_OPTIONS_HELP);
    free(shown);
    cr_assert_eq(PARSE(&options, &shown, "-V"), SHELL_OPTIONS_VERSION);
    free(shown);
}
