// SPDX-License-Identifier: Apache-2.0
#include "client/shell/command.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void parse(struct shell_command *command, const char *line)
{
    struct shell_fault fault;
    cr_assert(shell_command_parse(command, bytes_of_text(line), &fault), "%s: %s", line,
              fault.text);
}

static void check_json(struct grid_builder *builder, const char *expected)
{
    char *json = grid_value_to_json(grid_builder_bytes(builder));
    cr_assert_str_eq(json, expected);
    free(json);
}

Test(shell_command, put_takes_map_key_value_and_clauses)
{
    struct shell_command command;
    parse(&command, "PUT 'my map' 42 {\"a\": [1, 2.5]} TTL 10s idle 5m if version 7");
    cr_assert_eq(command.verb->id, VERB_PUT);
    cr_assert_str_eq(command.map, "my map");
    check_json(command.key, "42");
    check_json(command.value, "{\"a\":[1,2.5]}");
    cr_assert_eq(command.ttl_ms, 10000);
    cr_assert_eq(command.idle_ms, 300000);
    cr_assert_eq(command.condition, GRID_IF_VERSION);
    cr_assert_eq(command.version, 7);
    shell_command_deinit(&command);
}

Test(shell_command, keys_and_values_follow_their_rules)
{
    static const struct {
        const char *line;
        const char *key;
        const char *value;
    } rows[] = {
        {"put m k v", "\"k\"", "\"v\""},
        {"put m '1' '2'", "\"1\"", "\"2\""},
        {"put m \"a\\tb\" \"c\"", "\"a\\tb\"", "\"c\""},
        {"put m -5 -5.5", "-5", "-5.5"},
        {"put m 007 true", "\"007\"", "true"},
        {"put m 18446744073709551615 null", "18446744073709551615", "null"},
        {"put m 2024-01-01 2024-01-01", "\"2024-01-01\"", "\"2024-01-01\""},
        {"put m 'it''s' '[1]'", "\"it's\"", "\"[1]\""},
        {"put m '' []", "\"\"", "[]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct shell_command command;
        parse(&command, rows[i].line);
        check_json(command.key, rows[i].key);
        check_json(command.value, rows[i].value);
        shell_command_deinit(&command);
    }
}

Test(shell_command, hexadecimal_keys_are_bin)
{
    struct shell_command command;
    parse(&command, "get m x'00fF'");
    struct grid_bytes key = grid_builder_bytes(command.key);
    cr_assert(bytes_equal(bytes_of(key.data, key.size), bytes_of("\xc4\x02\x00\xff", 4)));
    shell_command_deinit(&command);
}

Test(shell_command, what_may_be_left_out_has_a_default)
{
    struct shell_command command;
    parse(&command, "incr m k");
    cr_assert_eq(command.delta, 1);
    shell_command_deinit(&command);
    parse(&command, "incr m k ttl 5s");
    cr_assert_eq(command.delta, 1);
    cr_assert_eq(command.ttl_ms, 5000);
    shell_command_deinit(&command);
    parse(&command, "incr m k -3 ttl 5s");
    cr_assert_eq(command.delta, -3);
    shell_command_deinit(&command);
    parse(&command, "stats");
    cr_assert_null(command.word);
    shell_command_deinit(&command);
    parse(&command, "scan m limit 12");
    cr_assert_eq(command.limit, 12);
    shell_command_deinit(&command);
}

Test(shell_command, select_goes_to_the_grid_as_it_stands)
{
    struct shell_command command;
    parse(&command, "select  * from m where a = ';'");
    cr_assert(bytes_equal(command.statement, bytes_of_text("select  * from m where a = ';'")));
    shell_command_deinit(&command);
    parse(&command, "watch --events 5 --latest SELECT a from m");
    cr_assert(bytes_equal(command.statement, bytes_of_text("SELECT a from m")));
    cr_assert_eq(command.watch.limit, 5);
    cr_assert_eq(command.watch.start, GRID_START_LATEST);
    shell_command_deinit(&command);
    parse(&command, "explain SUBSCRIBE  select a from m");
    cr_assert(bytes_equal(command.statement, bytes_of_text("select a from m")));
    shell_command_deinit(&command);
}

Test(shell_command, subscriptions_may_name_a_member_and_a_limit)
{
    struct shell_command command;
    parse(&command, "subscriptions");
    cr_assert_null(command.word);
    cr_assert_eq(command.limit, 0);
    shell_command_deinit(&command);
    parse(&command, "subscriptions limit 7");
    cr_assert_null(command.word);
    cr_assert_eq(command.limit, 7);
    shell_command_deinit(&command);
    parse(&command, "subscriptions n1 limit 7");
    cr_assert_str_eq(command.word, "n1");
    shell_command_deinit(&command);
}

Test(shell_command, load_names_file_map_and_field)
{
    struct shell_command command;
    parse(&command, "load --stop-on-error --window 16 'my file.csv' INTO m KEY a.b");
    cr_assert_str_eq(command.word, "my file.csv");
    cr_assert_str_eq(command.map, "m");
    cr_assert_str_eq(command.field, "a.b");
    cr_assert(command.stop_on_error);
    cr_assert_eq(command.window, 16);
    shell_command_deinit(&command);
}

Test(shell_command, cluster_has_actions_of_its_own)
{
    struct shell_command command;
    parse(&command, "Cluster leave n3 --yes");
    cr_assert_eq(command.verb->id, VERB_CLUSTER);
    cr_assert_eq(command.cluster.action, CLUSTER_ACTION_LEAVE);
    cr_assert_str_eq(command.cluster.member, "n3");
    shell_command_deinit(&command);
}

Test(shell_command, faults_point_at_the_place)
{
    static const struct {
        const char *line;
        size_t offset;
        const char *text; // how it starts
    } rows[] = {
        {"ptu m k v", 0, "no such command; did you mean 'put'?"},
        {"frobnicate", 0, "no such command; 'help' lists them"},
        {"put", 3, "expected the name of a map here: put MAP KEY VALUE"},
        {"put m", 5, "expected a key here"},
        {"put m k", 7, "expected a value here"},
        {"put '' k v", 4, "expected a name here"},
        {"put m 1.5 v", 6, "a key is an integer of 64 bits, text or x'hex'; quote it"},
        {"put m true v", 6, "a key is an integer"},
        {"put m [1] v", 6, "a key is an integer, text or x'hex', no object or array"},
        {"put m x'0' v", 6, "x'...' needs an even number of digits"},
        {"put m x'0g' v", 9, "this is no hexadecimal digit"},
        {"put m k {\"a\":}", 13, "not JSON: "},
        {"put m k v ttl", 13, "expected a time"},
        {"put m k v ttl soon", 14, "expected a time: 500ms"},
        {"put m k v if maybe", 13, "expected 'absent' or 'version' here"},
        {"put m k v if version 0", 21, "expected a whole number above 0"},
        {"put m k v w", 10, "this is too much: put MAP KEY VALUE"},
        {"get m k ttl 5s", 8, "this is too much: get MAP KEY"},
        {"remove m k if absent", 14, "expected 'version' here"},
        {"touch m k", 9, "expected a time to live here"},
        {"touch m k x", 10, "expected a time"},
        {"incr m k 1.5", 9, "expected an integer of 64 bits"},
        {"scan m limit -1", 13, "expected a whole number above 0"},
        {"maps all", 5, "this is too much: maps"},
        {"watch", 5, "expected 'select' here"},
        {"watch get m k", 6, "expected 'select' or an option here"},
        {"explain select * from m", 8, "expected 'subscribe' here"},
        {"explain subscribe get m k", 18, "expected 'select' here"},
        {"explain subscribe", 17, "expected select here"},
        {"watch --events 0 select", 15, "expected a whole number above 0"},
        {"watch --seconds 99999999999 select", 16, "expected a whole number from 1 to 31536000"},
        {"cluster", 7, "expected status, members, partitions"},
        {"cluster leave n1 n2", 17, "this is too much for cluster leave"},
        {"load", 4, "expected the name of a file here"},
        {"load --fast f.csv", 5, "no such option"},
        {"load f.csv m", 11, "expected 'into' here"},
        {"load f.csv into m", 17, "expected key here"},
        {"load --window 65537 f", 14, "expected a whole number from 1 to 65536"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct shell_command command;
        struct shell_fault fault;
        cr_assert_not(shell_command_parse(&command, bytes_of_text(rows[i].line), &fault), "%s",
                      rows[i].line);
        cr_assert_eq(fault.offset, rows[i].offset, "%s: %zu", rows[i].line, fault.offset);
        cr_assert_eq(strncmp(fault.text, rows[i].text, strlen(rows[i].text)), 0, "%s: %s",
                     rows[i].line, fault.text);
        shell_command_deinit(&command);
    }
}
