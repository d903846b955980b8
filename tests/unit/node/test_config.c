// SPDX-License-Identifier: Apache-2.0
#include "node/config.h"

#include "node/option.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ARGUMENTS_MAX = 16,
};

static char path[] = "/tmp/nowgrid-config-XXXXXX";
static struct config config;
static char *out;    // what config_load printed
static char *errors; // and reported, with the file's name as FILE

static void setup(void)
{
    int file = mkstemp(path);
    cr_assert_geq(file, 0);
    close(file);
}

static void teardown(void)
{
    unlink(path);
    config_deinit(&config);
    free(out);
    free(errors);
}

TestSuite(config, .init = setup, .fini = teardown);

static void replace_all(char *text, const char *from, const char *to)
{
    char *found;
    while ((found = strstr(text, from)) != NULL) {
        memmove(found + strlen(to), found + strlen(from), strlen(found + strlen(from)) + 1);
        memcpy(found, to, strlen(to));
    }
}

static enum config_verdict load_with(int argc, const char *const *arguments)
{
    char *argv[ARGUMENTS_MAX] = {0};
    size_t out_size;
    size_t errors_size;
    FILE *out_file = open_memstream(&out, &out_size);
    FILE *errors_file = open_memstream(&errors, &errors_size);
    for (int i = 0; i < argc; i++)
        argv[i] = strdup(arguments[i]);
    enum config_verdict verdict = config_load(argc, argv, &config, out_file, errors_file);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    fclose(out_file);
    fclose(errors_file);
    replace_all(out, path, "FILE");
    replace_all(errors, path, "FILE");
    return verdict;
}

static enum config_verdict load_file(const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fputs(text, file);
    fclose(file);
    const char *const arguments[] = {"grid-node", path};
    return load_with(2, arguments);
}

#define LOAD(...)                                                                                  \
    load_with((int)(sizeof((const char *const[]){"grid-node", __VA_ARGS__}) / sizeof(char *)),     \
              (const char *const[]){"grid-node", __VA_ARGS__})

Test(config, nothing_given_is_a_grid_of_one_node_with_the_defaults)
{
    const char *const arguments[] = {"grid-node"};
    cr_assert_eq(load_with(1, arguments), CONFIG_RUN);
    cr_expect_str_eq(config.node_name, "n1");
    cr_expect_str_eq(config.grid_name, "nowgrid");
    cr_expect_str_eq(config.bind, "127.0.0.1");
    cr_expect_eq(config.port, 7400);
    cr_expect_eq(config.member_count, 1);
    cr_expect_str_eq(config.members[0].name, "n1");
    cr_expect_str_eq(config.members[0].host, "127.0.0.1");
    cr_expect_eq(config.members[0].port, 7400);
    cr_expect_eq(config.partitions, 1024);
    cr_expect_eq(config.backups, 1);
    cr_expect_eq(config.log_max_bytes, 64 * MIB);
    cr_expect_eq(config.max_value_bytes, VALUE_BYTES_MAX);
    cr_expect_eq(config.connection_output_max_bytes, 16 * MIB);
    cr_expect_eq(config.max_connections, 10000);
    cr_expect_eq(config.replication_timeout_ms, 5000);
    cr_expect_eq(config.log_level, LOG_INFO);
    cr_expect_str_eq(config.log_file, "");
}

Test(config, zero_workers_and_memory_become_what_the_machine_has)
{
    const char *const arguments[] = {"grid-node"};
    cr_assert_eq(load_with(1, arguments), CONFIG_RUN);
    cr_expect(config.workers >= 1 && config.workers <= WORKERS_MAX);
    cr_expect_gt(config.max_memory_bytes, 0);
}

Test(config, file_sets_options)
{
    cr_assert_eq(load_file("[node]\nnode-name = n2\nworkers=3 ; inline comment\n"
                           "[store]\nmax-memory-bytes = 2g\nlog-max-bytes=1048576\n"
                           "[log]\nlog-level = WARN\n"),
                 CONFIG_RUN, "%s", errors);
    cr_expect_str_eq(config.node_name, "n2");
    cr_expect_eq(config.workers, 3);
    cr_expect_eq(config.max_memory_bytes, 2 * GIB);
    cr_expect_eq(config.log_max_bytes, MIB);
    cr_expect_eq(config.log_level, LOG_WARN);
}

Test(config, members_may_go_on_in_further_lines)
{
    cr_assert_eq(load_file("[node]\nnode-name = n2\n[grid]\n"
                           "members = n1@10.0.0.1:7400, ; the first\n"
                           "  n2@db.example:7401 ; the second\n"
                           "\tn3@[::1]:7402\n"),
                 CONFIG_RUN, "%s", errors);
    cr_assert_eq(config.member_count, 3);
    cr_expect_eq(config.member_self, 1);
    cr_expect_str_eq(config.members[1].host, "db.example");
    cr_expect_str_eq(config.members[2].host, "::1");
    cr_expect_eq(config.members[2].port, 7402);
}

Test(config, port_of_members_is_listened_on_unless_port_is_given)
{
    cr_assert_eq(LOAD("--node-name=n2", "--members=n1@h:7500 n2@h:7501"), CONFIG_RUN);
    cr_expect_eq(config.port, 7501);
    config_deinit(&config);
    free(out);
    free(errors);
    cr_assert_eq(LOAD("--node-name=n2", "--members=n1@h:7500,n2@h:7501", "--port=9"), CONFIG_RUN);
    cr_expect_eq(config.port, 9);
    cr_expect_eq(config.members[1].port, 7501);
}

Test(config, command_line_overrides_the_file)
{
    FILE *file = fopen(path, "w");
    fputs("[network]\nport = 1\n[grid]\nmembers = n1@a:1 n2@b:2\nbackups = 2\n", file);
    fclose(file);
    cr_assert_eq(LOAD("--port=2", path, "--members=n1@c:3"), CONFIG_RUN, "%s", errors);
    cr_expect_eq(config.port, 2);
    cr_expect_eq(config.backups, 2);
    cr_expect_eq(config.member_count, 1);
    cr_expect_str_eq(config.members[0].host, "c");
}

Test(config, all_mistakes_are_reported_in_one_pass)
{
    cr_expect_eq(load_file("[node]\nnode-name = n9\nwrokers = 2\n"
                           "[store]\nport = 3\nmax-memory-bytes = 5X\n"
                           "[grid]\nbackups = 9\nbackups = 2\npartitions = 1\n 17\n"
                           "members = n1@127.0.0.1:7400\n"
                           "garbage\n[foo]\n[bar\n"),
                 CONFIG_EXIT_ERROR);
    cr_expect_str_eq(
        errors,
        "FILE:3: unknown option 'wrokers'; did you mean 'workers'?\n"
        "FILE:5: port belongs in section [network], not in [store]\n"
        "FILE:6: max-memory-bytes: '5X' is not in range: 0 to 1024T bytes\n"
        "FILE:8: backups: '9' is not in range: 0 to 3 copies\n"
        "FILE:9: backups was set before, in line 8\n"
        "FILE:11: starts with a blank, so it continues the option before it; only members may take "
        "more than one line\n"
        "FILE:13: expected 'option = value'\n"
        "FILE:14: unknown section [foo]\n"
        "FILE:15: '[' without ']'\n"
        "FILE:12: members: does not list this node, 'n9' (option node-name)\n");
}

struct mistake {
    const char *argument;
    const char *report;
};

static const struct mistake mistakes[] = {
    {"--prot=3", "command line: unknown option '--prot'; did you mean '--port'?\n"},
    {"--frobnicate", "command line: unknown option '--frobnicate'; see grid-node --help\n"},
    {"-p", "command line: unknown option '-p'; see grid-node --help\n"},
    {"--port", "command line: --port needs a value: --port=VALUE\n"},
    {"--port=", "command line: --port: '' is not in range: 0 to 65535\n"},
    {"--port=65536", "command line: --port: '65536' is not in range: 0 to 65535\n"},
    {"--port=-1", "command line: --port: '-1' is not in range: 0 to 65535\n"},
    {"--port= 1", "command line: --port: ' 1' is not in range: 0 to 65535\n"},
    {"--port=1K", "command line: --port: '1K' is not in range: 0 to 65535\n"},
    {"--log-max-bytes=1K", "command line: --log-max-bytes: '1K' is not in range: 1M to 1T bytes\n"},
    {"--log-max-bytes=1Mb",
     "command line: --log-max-bytes: '1Mb' is not in range: 1M to 1T bytes\n"},
    {"--log-max-bytes=18446744073709551615T",
     "command line: --log-max-bytes: '18446744073709551615T' is not in range: 1M to 1T bytes\n"},
    {"--log-max-bytes=99999999999999999999",
     "command line: --log-max-bytes: '99999999999999999999' is not in range: 1M to 1T bytes\n"},
    {"--max-value-bytes=16M",
     "command line: --max-value-bytes: '16M' is not in range: 1K to 16777215 bytes\n"},
    {"--log-level=loud",
     "command line: --log-level: 'loud' is not in range: debug, info, warn or error\n"},
    {"--node-name=a b", "command line: --node-name: 'a b' is not in range: 1 to 63 letters, "
                        "digits, '.', '-' or '_'\n"},
    {"--bind=0.0.0.0",
     "command line: advertise: needed, because clients cannot connect to '0.0.0.0'\n"},
    {"--members=n1", "command line: --members: 'n1' is not of the form name@host:port\n"},
    {"--members=@h:1", "command line: --members: '@h:1' needs a name of 1 to 63 letters, digits, "
                       "'.', '-' or '_' before the '@'\n"},
    {"--members=n1@:1", "command line: --members: 'n1@:1' needs a host of 1 to 255 bytes after "
                        "the '@', an IPv6 address in brackets\n"},
    {"--members=n1@::1:7400", "command line: --members: 'n1@::1:7400' needs a host of 1 to 255 "
                              "bytes after the '@', an IPv6 address in brackets\n"},
    {"--members=n1@h:0",
     "command line: --members: 'n1@h:0' needs a port from 1 to 65535 after the last ':'\n"},
    {"--members=n1@h:1 n1@h:2",
     "command line: --members: 'n1@h:2' has the name of a member before it\n"},
    {"--members=n1@h:1 n2@h:1",
     "command line: --members: 'n2@h:1' has the host and port of a member before it\n"},
    {"/proc/no-such-file", "/proc/no-such-file: cannot open: No such file or directory\n"},
    {"/proc", "/proc: cannot read: Is a directory\n"},
};

Test(config, each_mistake_is_named_with_its_place)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        cr_expect_eq(LOAD(mistakes[i].argument), CONFIG_EXIT_ERROR);
        cr_expect_str_eq(errors, mistakes[i].report);
        config_deinit(&config);
        free(out);
        free(errors);
    }
    out = errors = NULL;
}

Test(config, more_than_a_thousand_members_are_refused)
{
    char *list;
    size_t size;
    FILE *text = open_memstream(&list, &size);
    fputs("--members=", text);
    for (int i = 1; i <= 1001; i++)
        fprintf(text, "n%d@h:%d,", i, i);
    fclose(text);
    cr_expect_eq(LOAD(list), CONFIG_EXIT_ERROR);
    cr_expect_str_eq(errors, "command line: --members: 'n1001@h:1001' is one too many: a grid has "
                             "at most 1000 members\n");
    free(list);
}

Test(config, overlong_line_is_a_mistake_and_an_overlong_comment_is_none)
{
    char text[1024];
    snprintf(text, sizeof(text), "#%0300d\n[grid]\nmembers = %0300d\nbackups = 7\n", 0, 0);
    cr_expect_eq(load_file(text), CONFIG_EXIT_ERROR);
    cr_expect_str_eq(errors, "FILE:3: longer than 198 bytes; a list may go on in lines that start "
                             "with a blank\n"
                             "FILE:4: backups: '7' is not in range: 0 to 3 copies\n");
}

Test(config, a_second_file_is_a_mistake)
{
    cr_expect_eq(LOAD(path, "other.conf"), CONFIG_EXIT_ERROR);
    cr_expect_str_eq(errors, "command line: a second file: 'other.conf'\n");
}

Test(config, check_config_says_ok_or_the_mistakes)
{
    cr_expect_eq(LOAD("--check-config", path), CONFIG_EXIT_OK);
    cr_expect_str_eq(out, "FILE: ok\n");
    config_deinit(&config);
    free(out);
    free(errors);
    cr_expect_eq(LOAD("--check-config", path, "--backups=4"), CONFIG_EXIT_ERROR);
    cr_expect_str_eq(out, "");
}

Test(config, version_names_program_and_version)
{
    cr_expect_eq(LOAD("--version"), CONFIG_EXIT_OK);
    cr_expect_str_eq(out, "grid-node " GRID_VERSION "\n");
}

Test(config, help_lists_every_option)
{
    cr_expect_eq(LOAD("--help"), CONFIG_EXIT_OK);
    for (size_t i = 0; i < option_count; i++) {
        char line[128];
        snprintf(line, sizeof(line), "\n  --%s=", options[i].name);
        cr_expect_not_null(strstr(out, line), "--help lacks %s", options[i].name);
    }
}

// ---- The shipped file ----

static char *shipped_text(void)
{
    FILE *file = fopen("grid.conf", "r");
    cr_assert_not_null(file, "tests run in the root of the project");
    char *text = NULL;
    size_t size = 0;
    cr_assert_gt(getdelim(&text, &size, '\0', file), 0);
    fclose(file);
    return text;
}

// What the file must say of an option, up to the line that sets it (or, as a comment, would).
static void expect_documented(const char *text, const struct option *option)
{
    char range[OPTION_WHY_BYTES];
    char expected[2 * OPTION_WHY_BYTES];
    char setting[OPTION_WHY_BYTES];
    option_describe_range(option, range);
    bool has_default = option->default_text[0] != '\0';
    snprintf(expected, sizeof(expected), "# Range: %s. Default: %s\n", range,
             has_default ? option->default_text : "empty");
    snprintf(setting, sizeof(setting), "%s =%s%s\n", option->name, has_default ? " " : "",
             option->default_text);
    const char *set = strstr(text, setting);
    cr_assert_not_null(set, "grid.conf lacks '%s'", setting);
    cr_expect(set[-1] == '\n' || strncmp(set - 3, "\n# ", 3) == 0);
    const char *paragraph = set;
    while (strncmp(paragraph, "\n\n", 2) != 0)
        paragraph--;
    const char *documented = strstr(paragraph, expected);
    cr_expect(documented != NULL && documented < set, "%s lacks '%s'", option->name, expected);
}

Test(config, shipped_file_documents_every_option_with_range_and_default)
{
    char *text = shipped_text();
    for (size_t i = 0; i < option_count; i++)
        expect_documented(text, &options[i]);
    free(text);
}

Test(config, shipped_file_sets_exactly_the_defaults)
{
    cr_assert_eq(LOAD("--node-name=n1"), CONFIG_RUN);
    struct config defaults = config;
    free(out);
    free(errors);
    cr_assert_eq(LOAD("grid.conf"), CONFIG_RUN, "%s", errors);
    free(defaults.members);
    defaults.members = config.members;
    cr_expect_eq(memcmp(&defaults, &config, sizeof(config)), 0);
}
