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

static void results_release(void)
{
    config_deinit(&config);
    free(out);
    free(errors);
    out = errors = NULL;
}

static void teardown(void)
{
    unlink(path);
    results_release();
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
    results_release();
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
    cr_expect_eq(config.seed_count, 0);
    cr_expect_eq(config.bootstrap_expect, 1);
    cr_expect_str_eq(config.secret, "");
    cr_expect_eq(config.role, MEMBER_DATA);
    cr_expect_str_eq(config.zone, "");
    cr_expect_eq(config.weight, 1);
    cr_expect_eq(config.voters, 5);
    cr_expect_eq(config.partitions, 1024);
    cr_expect_eq(config.backups, 1);
    cr_expect_eq(config.log_max_bytes, 64 * MIB);
    cr_expect_eq(config.max_value_bytes, VALUE_BYTES_MAX);
    cr_expect_eq(config.connection_output_max_bytes, 16 * MIB);
    cr_expect_eq(config.subscribers_output_max_bytes, 256 * MIB);
    cr_expect_eq(config.always_evaluated_max, 1000);
    cr_expect_eq(config.max_connections, 10000);
    cr_expect_eq(config.replication_timeout_ms, 5000);
    cr_expect_eq(config.min_in_sync, 1);
    cr_expect_eq(config.backup_timeout_ms, 1000);
    cr_expect_eq(config.heartbeat_ms, 200);
    cr_expect_eq(config.election_ms, 250);
    cr_expect_eq(config.lease_ms, 900);
    cr_expect_eq(config.suspect_ms, 1000);
    cr_expect_eq(config.remove_ms, 2000);
    cr_expect_eq(config.leave_timeout_ms, 30000);
    cr_expect_eq(config.clock_skew_max_ms, 10000);
    cr_expect_eq(config.migration_parallel, 2);
    cr_expect_eq(config.migration_max_bytes_per_s, 64 * MIB);
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

Test(config, seeds_may_go_on_in_further_lines)
{
    cr_assert_eq(load_file("[node]\nnode-name = n2\n[grid]\n"
                           "seeds = 10.0.0.1:7401, ; the first\n"
                           "  db.example ; the second\n"
                           "\t[::1]:7402\n"),
                 CONFIG_RUN, "%s", errors);
    cr_assert_eq(config.seed_count, 3);
    cr_expect_str_eq(config.seeds[0].host, "10.0.0.1");
    cr_expect_eq(config.seeds[0].port, 7401);
    cr_expect_str_eq(config.seeds[1].host, "db.example");
    cr_expect_eq(config.seeds[1].port, 7400);
    cr_expect_str_eq(config.seeds[2].host, "::1");
    cr_expect_eq(config.seeds[2].port, 7402);
}

Test(config, what_a_node_is_in_its_grid_can_be_set)
{
    cr_assert_eq(load_file("[grid]\nseeds = a\nsecret = open, \"sesame\"\nrole = Witness\n"
                           "zone = rack-2\nweight = 100\nvoters = 7\nbackups = 3\n"
                           "min-in-sync = 4\nbackup-timeout-ms = 10\n"
                           "[migration]\nmigration-parallel = 1\n"
                           "migration-max-bytes-per-s = 0\n"),
                 CONFIG_RUN, "%s", errors);
    cr_expect_str_eq(config.secret, "open, \"sesame\"");
    cr_expect_eq(config.role, MEMBER_WITNESS);
    cr_expect_str_eq(config.zone, "rack-2");
    cr_expect_eq(config.weight, 100);
    cr_expect_eq(config.voters, 7);
    cr_expect_eq(config.min_in_sync, 4);
    cr_expect_eq(config.backup_timeout_ms, 10);
    cr_expect_eq(config.migration_parallel, 1);
    cr_expect_eq(config.migration_max_bytes_per_s, 0);
}

Test(config, a_node_with_seeds_joins_unless_it_is_told_to_found)
{
    cr_assert_eq(LOAD("--seeds=a"), CONFIG_RUN);
    cr_expect_eq(config.bootstrap_expect, 0);
    cr_assert_eq(LOAD("--seeds=a", "--bootstrap-expect=1"), CONFIG_RUN);
    cr_expect_eq(config.bootstrap_expect, 1);
    cr_assert_eq(LOAD("--seeds=a", "--bootstrap-expect=64"), CONFIG_RUN);
    cr_expect_eq(config.bootstrap_expect, 64);
}

Test(config, a_node_without_seeds_founds_a_grid_of_its_own)
{
    for (int expect = 0; expect <= 1; expect++) {
        char argument[64];
        snprintf(argument, sizeof(argument), "--bootstrap-expect=%d", expect);
        cr_assert_eq(LOAD(argument, "--seeds= ,"), CONFIG_RUN, "%s", errors);
        cr_expect_eq(config.seed_count, 0);
        cr_expect_eq(config.bootstrap_expect, 1);
    }
}

Test(config, a_secret_of_full_length_is_taken)
{
    char argument[300];
    snprintf(argument, sizeof(argument), "--secret=%0*d", SECRET_BYTES_MAX, 0);
    cr_assert_eq(LOAD(argument), CONFIG_RUN, "%s", errors);
    cr_expect_eq(strlen(config.secret), SECRET_BYTES_MAX);
}

Test(config, command_line_overrides_the_file)
{
    FILE *file = fopen(path, "w");
    fputs("[network]\nport = 1\n[grid]\nseeds = a:1 b:2\nbackups = 2\n", file);
    fclose(file);
    cr_assert_eq(LOAD("--port=2", path, "--seeds=c:3"), CONFIG_RUN, "%s", errors);
    cr_expect_eq(config.port, 2);
    cr_expect_eq(config.backups, 2);
    cr_assert_eq(config.seed_count, 1);
    cr_expect_str_eq(config.seeds[0].host, "c");
}

Test(config, all_mistakes_are_reported_in_one_pass)
{
    cr_expect_eq(load_file("[node]\nnode-name = n9\nwrokers = 2\n"
                           "[store]\nport = 3\nmax-memory-bytes = 5X\n"
                           "[grid]\nbackups = 9\nbackups = 2\npartitions = 1\n 17\n"
                           "seeds = 127.0.0.1:7400 h h\n"
                           "garbage\n[foo]\n[bar\n"),
                 CONFIG_EXIT_ERROR);
    cr_expect_str_eq(
        errors,
        "FILE:3: unknown option 'wrokers'; did you mean 'workers'?\n"
        "FILE:5: port belongs in section [network], not in [store]\n"
        "FILE:6: max-memory-bytes: '5X' is not in range: 0 to 1024T bytes\n"
        "FILE:8: backups: '9' is not in range: 0 to 3 copies\n"
        "FILE:9: backups was set before, in line 8\n"
        "FILE:11: starts with a blank, so it continues the option before it; only seeds may take "
        "more than one line\n"
        "FILE:13: expected 'option = value'\n"
        "FILE:14: unknown section [foo]\n"
        "FILE:15: '[' without ']'\n"
        "FILE:12: seeds: 'h' is listed twice\n");
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
     "command line: advertise: needed, because nobody can connect to '0.0.0.0'\n"},
    {"--advertise=::", "command line: --advertise: needed, because nobody can connect to '::'\n"},
    {"--members=n1@h:1", "command line: unknown option '--members'; see grid-node --help\n"},
    {"--bootstrap-expect=65",
     "command line: --bootstrap-expect: '65' is not in range: 0 to 64 nodes\n"},
    {"--bootstrap-expect=2", "command line: --bootstrap-expect: 2 nodes cannot find each other "
                             "without seeds\n"},
    {"--role=king", "command line: --role: 'king' is not in range: data or witness\n"},
    {"--role=", "command line: --role: '' is not in range: data or witness\n"},
    {"--role=witness", "command line: --role: a witness holds no data, so it cannot be a grid of "
                       "its own: it needs seeds\n"},
    {"--zone=rack 2", "command line: --zone: 'rack 2' is not in range: empty, or 1 to 63 letters, "
                      "digits, '.', '-' or '_'\n"},
    {"--grid-name=", "command line: --grid-name: '' is not in range: 1 to 63 letters, digits, "
                     "'.', '-' or '_'\n"},
    {"--weight=0", "command line: --weight: '0' is not in range: 1 to 100 shares\n"},
    {"--weight=101", "command line: --weight: '101' is not in range: 1 to 100 shares\n"},
    {"--voters=1", "command line: --voters: '1' is not in range: 3 to 7 nodes\n"},
    {"--voters=9", "command line: --voters: '9' is not in range: 3 to 7 nodes\n"},
    {"--voters=4", "command line: --voters: 4 must be 3, 5 or 7\n"},
    {"--min-in-sync=0", "command line: --min-in-sync: '0' is not in range: 1 to 4 copies\n"},
    {"--min-in-sync=5", "command line: --min-in-sync: '5' is not in range: 1 to 4 copies\n"},
    {"--min-in-sync=3", "command line: --min-in-sync: 3 must be at most backups + 1\n"},
    {"--backup-timeout-ms=9",
     "command line: --backup-timeout-ms: '9' is not in range: 10 to 600000 milliseconds\n"},
    {"--heartbeat-ms=9",
     "command line: --heartbeat-ms: '9' is not in range: 10 to 10000 milliseconds\n"},
    {"--heartbeat-ms=350", "command line: --heartbeat-ms: 350 must be at most a third of "
                           "suspect-ms, to tell silence from a short sleep\n"},
    {"--election-ms=39",
     "command line: --election-ms: '39' is not in range: 40 to 60000 milliseconds\n"},
    {"--election-ms=351",
     "command line: --election-ms: 351 must be so small that twice of it and heartbeat-ms fit into "
     "lease-ms: leases have to outlive the loss of the leader\n"},
    {"--lease-ms=49", "command line: --lease-ms: '49' is not in range: 50 to 60000 milliseconds\n"},
    {"--lease-ms=910",
     "command line: suspect-ms: 1000 must be a tenth above lease-ms, at least: clocks differ in "
     "speed\n"},
    {"--suspect-ms=989", "command line: --suspect-ms: 989 must be a tenth above lease-ms, at "
                         "least: clocks differ in speed\n"},
    {"--suspect-ms=60001",
     "command line: --suspect-ms: '60001' is not in range: 60 to 60000 milliseconds\n"},
    {"--remove-ms=999", "command line: --remove-ms: 999 must be at least suspect-ms\n"},
    {"--leave-timeout-ms=3600001", "command line: --leave-timeout-ms: '3600001' is not in range: 0 "
                                   "to 3600000 milliseconds\n"},
    {"--clock-skew-max-ms=99",
     "command line: --clock-skew-max-ms: '99' is not in range: 100 to 86400000 milliseconds\n"},
    {"--migration-parallel=0",
     "command line: --migration-parallel: '0' is not in range: 1 to 1024 partitions\n"},
    {"--migration-max-bytes-per-s=2T",
     "command line: --migration-max-bytes-per-s: '2T' is not in range: 0 to 1T bytes\n"},
    {"--seeds=h:0",
     "command line: --seeds: 'h:0' needs a port from 1 to 65535 after the last ':'\n"},
    {"/proc/no-such-file", "/proc/no-such-file: cannot open: No such file or directory\n"},
    {"/proc", "/proc: cannot read: Is a directory\n"},
};

Test(config, each_mistake_is_named_with_its_place)
{
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        cr_expect_eq(LOAD(mistakes[i].argument), CONFIG_EXIT_ERROR);
        cr_expect_str_eq(errors, mistakes[i].report);
    }
}

Test(config, a_secret_is_never_shown)
{
    char argument[300];
    snprintf(argument, sizeof(argument), "--secret=%0*d", SECRET_BYTES_MAX + 1, 0);
    cr_expect_eq(LOAD(argument), CONFIG_EXIT_ERROR);
    cr_expect_str_eq(errors, "command line: --secret: '(a secret)' is not in range: up to 255 "
                             "bytes\n");
}

Test(config, times_may_stand_exactly_at_their_bounds)
{
    cr_expect_eq(LOAD("--heartbeat-ms=333"), CONFIG_RUN, "%s", errors);
    cr_expect_eq(LOAD("--election-ms=350"), CONFIG_RUN, "%s", errors);
    cr_expect_eq(LOAD("--lease-ms=909"), CONFIG_RUN, "%s", errors);
    cr_expect_eq(LOAD("--suspect-ms=990"), CONFIG_RUN, "%s", errors);
    cr_expect_eq(LOAD("--remove-ms=1000"), CONFIG_RUN, "%s", errors);
    cr_expect_eq(LOAD("--min-in-sync=2"), CONFIG_RUN, "%s", errors);
}

Test(config, times_that_do_not_fit_are_all_reported_where_they_were_set)
{
    cr_expect_eq(load_file("[agreement]\nheartbeat-ms = 1000\nlease-ms = 1500\nremove-ms = 500\n"),
                 CONFIG_EXIT_ERROR);
    cr_expect_str_eq(
        errors,
        "FILE:2: heartbeat-ms: 1000 must be at most half of lease-ms, so that one lost heartbeat "
        "does no harm\n"
        "FILE:2: heartbeat-ms: 1000 must be at most a third of suspect-ms, to tell silence from a "
        "short sleep\n"
        "FILE: suspect-ms: 1000 must be a tenth above lease-ms, at least: clocks differ in speed\n"
        "FILE:4: remove-ms: 500 must be at least suspect-ms\n");
}

Test(config, largest_times_are_compared_without_overflow)
{
    cr_expect_eq(LOAD("--lease-ms=60000", "--suspect-ms=60000", "--election-ms=60000",
                      "--heartbeat-ms=10000", "--remove-ms=3600000"),
                 CONFIG_EXIT_ERROR);
    cr_expect_str_eq(errors,
                     "command line: --election-ms: 60000 must be so small that twice of it and "
                     "heartbeat-ms fit into lease-ms: leases have to outlive the loss of the "
                     "leader\n"
                     "command line: --suspect-ms: 60000 must be a tenth above lease-ms, at least: "
                     "clocks differ in speed\n");
}

Test(config, overlong_line_is_a_mistake_and_an_overlong_comment_is_none)
{
    char text[1024];
    snprintf(text, sizeof(text), "#%0300d\n[grid]\nseeds = %0300d\nbackups = 7\n", 0, 0);
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

// What the file must say of an option, up to the line that sets it.
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
    cr_expect_eq(set[-1], '\n');
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
    cr_expect_null(config.seeds);
    struct config defaults = config;
    cr_assert_eq(LOAD("grid.conf"), CONFIG_RUN, "%s", errors);
    cr_expect_eq(memcmp(&defaults, &config, sizeof(config)), 0);
}

// The settings that grid.conf recommends in a comment, as arguments; how many there are.
static int fast_settings(char *text, char **arguments)
{
    static const char indent[] = "#     ";
    int count = 0;
    char *rest = strstr(text, "# Within 1 s they do");
    cr_assert_not_null(rest);
    for (char *line; (line = strsep(&rest, "\n")) != NULL && line[0] == '#';) {
        char name[64];
        unsigned value;
        if (strncmp(line, indent, strlen(indent)) != 0)
            continue;
        cr_assert_eq(sscanf(line + strlen(indent), "%63s = %u", name, &value), 2, "'%s'", line);
        cr_assert_neq(asprintf(&arguments[count], "--%s=%u", name, value), -1);
        count++;
    }
    return count;
}

Test(config, fast_settings_of_the_shipped_file_fit_together)
{
    char *text = shipped_text();
    char *arguments[ARGUMENTS_MAX] = {strdup("grid-node")};
    int count = 1 + fast_settings(text, arguments + 1);
    cr_expect_eq(count, 1 + 6);
    cr_expect_eq(load_with(count, (const char *const *)arguments), CONFIG_RUN, "%s", errors);
    cr_expect_eq(config.suspect_ms, 250);
    cr_expect_eq(config.backup_timeout_ms, 250);
    for (int i = 0; i < count; i++)
        free(arguments[i]);
    free(text);
}
