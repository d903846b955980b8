// SPDX-License-Identifier: Apache-2.0
#include "client/shell/options.h"

#include "client/shell/duration.h"

#include <getopt.h>

enum {
    OPTION_NO_COLOUR = 256,
    OPTION_TIMEOUT,
    OPTION_KEEP_GOING,
    OPTION_GRID,
    TIMEOUT_MS_DEFAULT = 5000,
    TIMEOUT_MS_MAX = 3600 * 1000,
};

static const struct option long_options[] = {
    {"execute", required_argument, NULL, 'e'},
    {"output", required_argument, NULL, 'o'},
    {"no-color", no_argument, NULL, OPTION_NO_COLOUR},
    {"timeout", required_argument, NULL, OPTION_TIMEOUT},
    {"keep-going", no_argument, NULL, OPTION_KEEP_GOING},
    {"grid", required_argument, NULL, OPTION_GRID},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

void shell_options_help(FILE *file)
{
    fputs(
        "usage: grid-shell [options] [host:port ...]\n"
        "\n"
        "Connects to a grid by any of its nodes (default 127.0.0.1:7400) and runs commands: from\n"
        "-e, from standard input, or as they are typed on a terminal.\n"
        "\n"
        "  -e, --execute COMMAND  run the command and leave; may be given several times\n"
        "  -o, --output FORMAT    table (default on a terminal), json (default elsewhere), csv, "
        "raw\n"
        "      --no-color         no colours (also by NO_COLOR in the environment)\n"
        "      --timeout MS       of connecting and of each operation (5000)\n"
        "      --keep-going       go on after a command that failed\n"
        "      --grid NAME        refuse any other grid\n"
        "  -h, --help             this text; the commands are listed by -e help\n"
        "  -V, --version          the version\n"
        "\n"
        "Exit status: 0 all went well, 1 a command failed, 2 wrong usage, 3 cannot connect,\n"
        "130 interrupted.\n",
        file);
}

static enum shell_options_verdict wrong(FILE *errors, const char *what, const char *text)
{
    fprintf(errors, "grid-shell: %s%s; see --help\n", what, text);
    return SHELL_OPTIONS_WRONG;
}

static enum shell_options_verdict option_take(struct shell_options *options, int letter,
                                              FILE *errors)
{
    uint64_t number;
    switch (letter) {
    case 'e':
        if (options->command_count == SHELL_COMMANDS_MAX)
            return wrong(errors, "more than 256 commands", "");
        options->commands[options->command_count++] = optarg;
        return SHELL_OPTIONS_RUN;
    case 'o':
        options->format_given = true;
        if (!shell_format_find(optarg, &options->format))
            return wrong(errors, "no such output format: ", optarg);
        return SHELL_OPTIONS_RUN;
    case OPTION_NO_COLOUR:
        options->no_colour = true;
        return SHELL_OPTIONS_RUN;
    case OPTION_TIMEOUT:
        if (!shell_uint_parse(bytes_of_text(optarg), &number) || number == 0 ||
            number > TIMEOUT_MS_MAX)
            return wrong(errors, "--timeout takes milliseconds, 1 to 3600000, not ", optarg);
        options->timeout_ms = (uint32_t)number;
        return SHELL_OPTIONS_RUN;
    case OPTION_KEEP_GOING:
        options->keep_going = true;
        return SHELL_OPTIONS_RUN;
    case OPTION_GRID:
        options->grid_name = optarg;
        return SHELL_OPTIONS_RUN;
    case 'h':
        return SHELL_OPTIONS_HELP;
    case 'V':
        return SHELL_OPTIONS_VERSION;
    default:
        return SHELL_OPTIONS_WRONG;
    }
}

static enum shell_options_verdict seeds_take(struct shell_options *options, int argc,
                                             char *const *argv, FILE *errors)
{
    size_t used = 0;
    for (int i = optind; i < argc; i++) {
        size_t room = sizeof options->seeds - used;
        int written = snprintf(options->seeds + used, room, "%s%s", used > 0 ? "," : "", argv[i]);
        if ((size_t)written >= room)
            return wrong(errors, "too many nodes are named", "");
        used += (size_t)written;
    }
    return SHELL_OPTIONS_RUN;
}

enum shell_options_verdict shell_options_parse(struct shell_options *options, int argc,
                                               char *const *argv, FILE *errors)
{
    *options = (struct shell_options){.timeout_ms = TIMEOUT_MS_DEFAULT};
    optind = 0; // start over, whoever parsed before
    opterr = 0;
    for (;;) {
        int letter = getopt_long(argc, argv, ":e:o:hV", long_options, NULL);
        if (letter == -1)
            return seeds_take(options, argc, argv, errors);
        if (letter == ':')
            return wrong(errors, "a value is missing behind ", argv[optind - 1]);
        if (letter == '?')
            return wrong(errors, "no such option: ", argv[optind - 1]);
        enum shell_options_verdict verdict = option_take(options, letter, errors);
        if (verdict != SHELL_OPTIONS_RUN)
            return verdict;
    }
}
