// SPDX-License-Identifier: Apache-2.0
#include "node/config.h"

#include "cluster/base/buffer.h"
#include "node/option.h"
#include "node/seeds.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <sched.h>
#include <stdarg.h>
#include <unistd.h>

enum {
    ORIGIN_DEFAULT = 0, // else the line in the file
    ORIGIN_COMMAND_LINE = -1,
};

// How a line of the file looks before inih has read it.
enum line_kind {
    LINE_EMPTY,   // blank, a comment or a section
    LINE_SETTING, // inih must call the handler for it
    LINE_CONTINUATION,
};

struct loader {
    struct config *config;
    FILE *errors;
    unsigned error_count;
    int origins[OPTIONS_MAX]; // of each option's value
    struct buffer seeds_text; // the option seeds, its lines joined

    const char *path; // of the file; NULL: none
    FILE *file;
    int line; // last line read, 1 and up
    enum line_kind line_kind;
    bool line_handled;              // inih called the handler for it, or its mistake was reported
    const struct option *continued; // the option that a line with a leading blank continues

    bool check;
};

static int *loader_origin(struct loader *loader, const struct option *option)
{
    return &loader->origins[option - options];
}

static void mistake_report(struct loader *loader, int origin, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void mistake_report(struct loader *loader, int origin, const char *format, ...)
{
    loader->error_count++;
    if (origin == ORIGIN_COMMAND_LINE)
        fprintf(loader->errors, "command line: ");
    else if (origin != ORIGIN_DEFAULT)
        fprintf(loader->errors, "%s:%d: ", loader->path, origin);
    else
        fprintf(loader->errors, "%s: ", loader->path != NULL ? loader->path : "command line");
    va_list arguments;
    va_start(arguments, format);
    vfprintf(loader->errors, format, arguments);
    va_end(arguments);
    fputc('\n', loader->errors);
}

static const char *origin_dashes(int origin)
{
    return origin == ORIGIN_COMMAND_LINE ? "--" : "";
}

static void unknown_report(struct loader *loader, int origin, const char *name)
{
    const struct option *nearest = option_nearest(name);
    const char *dashes = origin_dashes(origin);
    if (nearest != NULL)
        mistake_report(loader, origin, "unknown option '%s%.80s'; did you mean '%s%s'?", dashes,
                       name, dashes, nearest->name);
    else
        mistake_report(loader, origin, "unknown option '%s%.80s'; see grid-node --help", dashes,
                       name);
}

static void option_take(struct loader *loader, const struct option *option, const char *text,
                        int origin)
{
    char why[OPTION_WHY_BYTES];
    *loader_origin(loader, option) = origin;
    if (option->type == OPTION_SEEDS)
        buffer_append(&loader->seeds_text, text, strlen(text));
    else if (!option_parse(option, text, loader->config, why))
        mistake_report(loader, origin, "%s%s: %s", origin_dashes(origin), option->name, why);
}

// ---- The file ----

static enum line_kind line_classify(struct loader *loader, const char *line)
{
    const char *text = line;
    while (isspace((unsigned char)*text))
        text++;
    if (*text == '\0' || *text == ';' || *text == '#')
        return LINE_EMPTY;
    if (text > line)
        return LINE_CONTINUATION;
    loader->continued = NULL;
    if (*text != '[')
        return LINE_SETTING;
    const char *end = strchr(text, ']');
    if (end == NULL) {
        mistake_report(loader, loader->line, "'[' without ']'");
        return LINE_EMPTY;
    }
    char section[64];
    snprintf(section, sizeof(section), "%.*s", (int)(end - text - 1), text + 1);
    if (!option_section_is_known(section))
        mistake_report(loader, loader->line, "unknown section [%s]", section);
    return LINE_EMPTY;
}

static void line_finish(struct loader *loader)
{
    if (loader->line_kind == LINE_SETTING && !loader->line_handled)
        mistake_report(loader, loader->line, "expected 'option = value'");
    if (loader->line_kind == LINE_CONTINUATION && !loader->line_handled)
        mistake_report(loader, loader->line,
                       "a line that starts with a blank continues an option, "
                       "and there is none before it");
    loader->line_kind = LINE_EMPTY;
}

static void line_skip_rest(FILE *file)
{
    int byte;
    do
        byte = getc(file);
    while (byte != EOF && byte != '\n');
}

// inih would take what does not fit into its buffer for further lines.
static void line_check_end(struct loader *loader, char *line, size_t capacity)
{
    size_t size = strlen(line);
    if (size + 1 < capacity || line[size - 1] == '\n')
        return;
    if (line[0] != '#' && line[0] != ';')
        mistake_report(loader, loader->line,
                       "longer than %zu bytes; a list may go on in lines that start with a blank",
                       capacity - 2);
    line_skip_rest(loader->file);
    line[0] = '\0';
}

// inih's reader. inih reports only the first broken line and does not say which line the handler
// is called for; reading for it, we know both.
static char *line_read(char *line, int capacity, void *context)
{
    struct loader *loader = context;
    line_finish(loader);
    if (fgets(line, capacity, loader->file) == NULL)
        return NULL;
    loader->line++;
    loader->line_handled = false;
    line_check_end(loader, line, (size_t)capacity);
    const char *text = loader->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0 ? line + 3 : line;
    loader->line_kind = line_classify(loader, text);
    return line;
}

static void continuation_take(struct loader *loader, const char *text)
{
    if (loader->continued == NULL || loader->continued->type != OPTION_SEEDS) {
        mistake_report(loader, loader->line,
                       "starts with a blank, so it continues the option before it; only seeds "
                       "may take more than one line");
        return;
    }
    const char *comment = strstr(text, " ;"); // inih cuts these from first lines only
    buffer_append(&loader->seeds_text, " ", 1);
    buffer_append(&loader->seeds_text, text,
                  comment != NULL ? (size_t)(comment - text) : strlen(text));
}

// inih's handler. 1: go on; mistakes are counted here, not by inih.
static int setting_take(void *context, const char *section, const char *name, const char *text)
{
    struct loader *loader = context;
    const struct option *option = option_find(name);
    loader->line_handled = true;
    if (loader->line_kind == LINE_CONTINUATION) {
        continuation_take(loader, text);
        return 1;
    }
    loader->continued = option;
    if (option == NULL) {
        unknown_report(loader, loader->line, name);
        return 1;
    }
    if (strcmp(option->section, section) != 0) {
        mistake_report(loader, loader->line, "%s belongs in section [%s], not in [%s]", name,
                       option->section, section);
        return 1;
    }
    int earlier = *loader_origin(loader, option);
    if (earlier != ORIGIN_DEFAULT)
        mistake_report(loader, loader->line, "%s was set before, in line %d", name, earlier);
    else
        option_take(loader, option, text, loader->line);
    return 1;
}

static void file_load(struct loader *loader)
{
    loader->file = fopen(loader->path, "re");
    if (loader->file == NULL) {
        mistake_report(loader, ORIGIN_DEFAULT, "cannot open: %s", strerror(errno));
        return;
    }
    ini_parse_stream(line_read, loader, setting_take, loader);
    line_finish(loader);
    if (ferror(loader->file))
        mistake_report(loader, ORIGIN_DEFAULT, "cannot read: %s", strerror(errno));
    fclose(loader->file);
    loader->file = NULL;
}

// ---- The command line ----

static void flag_take(struct loader *loader, const char *name)
{
    if (strcmp(name, "check-config") == 0)
        loader->check = true;
    else if (option_find(name) != NULL)
        mistake_report(loader, ORIGIN_COMMAND_LINE, "--%s needs a value: --%s=VALUE", name, name);
    else
        unknown_report(loader, ORIGIN_COMMAND_LINE, name);
}

static void argument_take(struct loader *loader, const char *argument)
{
    if (strncmp(argument, "--", 2) != 0) {
        mistake_report(loader, ORIGIN_COMMAND_LINE, "unknown option '%.80s'; see grid-node --help",
                       argument);
        return;
    }
    const char *equals = strchr(argument, '=');
    if (equals == NULL) {
        flag_take(loader, argument + 2);
        return;
    }
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)(equals - argument - 2), argument + 2);
    const struct option *option = option_find(name);
    if (option == NULL) {
        unknown_report(loader, ORIGIN_COMMAND_LINE, name);
        return;
    }
    if (option->type == OPTION_SEEDS)
        buffer_clear(&loader->seeds_text);
    option_take(loader, option, equals + 1, ORIGIN_COMMAND_LINE);
}

static bool argument_is_given(int argc, char **argv, const char *argument)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], argument) == 0)
            return true;
    return false;
}

// Options start with a dash; the one argument that does not is the file.
static void arguments_find_file(struct loader *loader, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            continue;
        if (loader->path == NULL)
            loader->path = argv[i];
        else
            mistake_report(loader, ORIGIN_COMMAND_LINE, "a second file: '%.80s'", argv[i]);
    }
}

static void arguments_take(struct loader *loader, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (argv[i][0] == '-' && argv[i][1] != '\0')
            argument_take(loader, argv[i]);
}

// ---- The whole ----

static bool host_is_any(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

// A value that does not fit to others; "name: why".
static void option_reject(struct loader *loader, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);

static void option_reject(struct loader *loader, const char *name, const char *format, ...)
{
    char why[OPTION_WHY_BYTES];
    int origin = *loader_origin(loader, option_find(name));
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    mistake_report(loader, origin, "%s%s: %s", origin_dashes(origin), name, why);
}

static void seeds_finish(struct loader *loader)
{
    struct config *config = loader->config;
    char why[SEEDS_WHY_BYTES];
    if (!seeds_parse(buffer_bytes(&loader->seeds_text), &config->seeds, &config->seed_count, why)) {
        option_reject(loader, "seeds", "%s", why);
        return;
    }
    if (config->seed_count > 0)
        return;
    if (config->bootstrap_expect > 1)
        option_reject(loader, "bootstrap-expect", "%u nodes cannot find each other without seeds",
                      config->bootstrap_expect);
    if (config->role == MEMBER_WITNESS)
        option_reject(loader, "role",
                      "a witness holds no data, so it cannot be a grid of its own: it needs seeds");
    config->bootstrap_expect = 1;
}

static void address_check(struct loader *loader)
{
    const struct config *config = loader->config;
    const char *host = config->advertise[0] != '\0' ? config->advertise : config->bind;
    if (host_is_any(host))
        option_reject(loader, "advertise", "needed, because nobody can connect to '%s'", host);
}

static void relation_check(struct loader *loader, bool is_right, const char *name, uint32_t value,
                           const char *rule)
{
    if (!is_right)
        option_reject(loader, name, "%u must be %s", value, rule);
}

// What the safety of leases and the rest of agreement rely on (node/meta/member.h).
static void relations_check(struct loader *loader)
{
    const struct config *config = loader->config;
    relation_check(loader, config->heartbeat_ms * 2 <= config->lease_ms, "heartbeat-ms",
                   config->heartbeat_ms,
                   "at most half of lease-ms, so that one lost heartbeat does no harm");
    relation_check(loader, config->heartbeat_ms <= config->suspect_ms / 3, "heartbeat-ms",
                   config->heartbeat_ms,
                   "at most a third of suspect-ms, to tell silence from a short sleep");
    relation_check(loader, config->heartbeat_ms + config->election_ms * 2 <= config->lease_ms,
                   "election-ms", config->election_ms,
                   "so small that twice of it and heartbeat-ms fit into lease-ms: leases have to "
                   "outlive the loss of the leader");
    relation_check(loader, (uint64_t)config->suspect_ms * 10 >= (uint64_t)config->lease_ms * 11,
                   "suspect-ms", config->suspect_ms,
                   "a tenth above lease-ms, at least: clocks differ in speed");
    relation_check(loader, config->remove_ms >= config->suspect_ms, "remove-ms", config->remove_ms,
                   "at least suspect-ms");
    relation_check(loader, config->voters % 2 == 1, "voters", config->voters, "3, 5 or 7");
    relation_check(loader, config->min_in_sync <= config->backups + 1, "min-in-sync",
                   config->min_in_sync, "at most backups + 1");
}

static uint32_t core_count(void)
{
    cpu_set_t cores;
    CPU_ZERO(&cores);
    int count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count < WORKERS_MAX ? (uint32_t)count : WORKERS_MAX;
}

static uint64_t memory_share(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_bytes = sysconf(_SC_PAGESIZE);
    CHECK(pages > 0 && page_bytes > 0);
    return (uint64_t)pages * (uint64_t)page_bytes / 4 * 3;
}

static void defaults_set(struct config *config)
{
    char why[OPTION_WHY_BYTES];
    *config = (struct config){0};
    for (size_t i = 0; i < option_count; i++)
        if (options[i].type != OPTION_SEEDS)
            CHECK(option_parse(&options[i], options[i].default_text, config, why));
}

static void config_finish(struct loader *loader)
{
    struct config *config = loader->config;
    seeds_finish(loader);
    address_check(loader);
    relations_check(loader);
    if (config->workers == 0)
        config->workers = core_count();
    if (config->max_memory_bytes == 0)
        config->max_memory_bytes = memory_share();
}

static void help_print(FILE *out)
{
    fprintf(out, "Usage: grid-node [--option=value ...] [FILE]\n\n"
                 "Runs a node of a grid. FILE is a configuration like the shipped grid.conf;\n"
                 "options of the command line override it.\n\n"
                 "  --help          print this and exit\n"
                 "  --version       print the version and exit\n"
                 "  --check-config  say whether the configuration is right, and exit\n\n");
    options_print(out);
}

static enum config_verdict loader_conclude(const struct loader *loader, FILE *out)
{
    if (loader->error_count > 0)
        return CONFIG_EXIT_ERROR;
    if (!loader->check)
        return CONFIG_RUN;
    fprintf(out, "%s: ok\n", loader->path != NULL ? loader->path : "command line");
    return CONFIG_EXIT_OK;
}

enum config_verdict config_load(int argc, char **argv, struct config *config, FILE *out,
                                FILE *errors)
{
    struct loader loader = {.config = config, .errors = errors};
    defaults_set(config);
    if (argument_is_given(argc, argv, "--help")) {
        help_print(out);
        return CONFIG_EXIT_OK;
    }
    if (argument_is_given(argc, argv, "--version")) {
        fprintf(out, "grid-node %s\n", GRID_VERSION);
        return CONFIG_EXIT_OK;
    }
    arguments_find_file(&loader, argc, argv);
    if (loader.path != NULL)
        file_load(&loader);
    arguments_take(&loader, argc, argv);
    config_finish(&loader);
    buffer_deinit(&loader.seeds_text);
    return loader_conclude(&loader, out);
}

void config_deinit(struct config *config)
{
    free(config->seeds);
    *config = (struct config){0};
}
