// SPDX-License-Identifier: Apache-2.0
#include "node/seeds.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"

#include <criterion/criterion.h>
#include <stdio.h>

// "host:port host:port", or why the text was not taken. The caller frees it.
static char *parse(struct bytes text)
{
    struct seed *seeds = NULL;
    uint32_t count = 0;
    char why[SEEDS_WHY_BYTES] = "";
    char *result;
    size_t size;
    FILE *out = open_memstream(&result, &size);
    if (seeds_parse(text, &seeds, &count, why)) {
        for (uint32_t i = 0; i < count; i++)
            fprintf(out, "%s%s:%u", i > 0 ? " " : "", seeds[i].host, seeds[i].port);
        free(seeds);
    } else {
        fputs(why, out);
    }
    fclose(out);
    return result;
}

struct row {
    const char *text;
    const char *result;
};

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *result = parse(bytes_of_text(rows[i].text));
        cr_expect_str_eq(result, rows[i].result);
        free(result);
    }
}

Test(seeds, are_split_at_commas_and_blanks)
{
    static const struct row rows[] = {
        {"", ""},
        {" ,\t\n,", ""},
        {"a:1", "a:1"},
        {"a:1,b:2", "a:1 b:2"},
        {" a:1 ,, b:2\n\tc:3,", "a:1 b:2 c:3"},
    };
    expect_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

Test(seeds, have_the_default_port_unless_they_name_one)
{
    static const struct row rows[] = {
        {"db.example", "db.example:7400"}, {"a:65535", "a:65535"}, {"[::1]", "::1:7400"},
        {"[::1]:7402", "::1:7402"},        {"a:00001", "a:1"},
    };
    expect_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

Test(seeds, wrong_ones_are_named_with_what_they_need)
{
    static const struct row rows[] = {
        {"a:", "'a:' needs a port from 1 to 65535 after the last ':'"},
        {"a:0", "'a:0' needs a port from 1 to 65535 after the last ':'"},
        {"a:65536", "'a:65536' needs a port from 1 to 65535 after the last ':'"},
        {"a:123456", "'a:123456' needs a port from 1 to 65535 after the last ':'"},
        {"a:-1", "'a:-1' needs a port from 1 to 65535 after the last ':'"},
        {"b:1 a:http", "'a:http' needs a port from 1 to 65535 after the last ':'"},
        {":1", "':1' needs a host of 1 to 255 bytes, an IPv6 address in brackets"},
        {"::1", "'::1' needs a host of 1 to 255 bytes, an IPv6 address in brackets"},
        {"fe80::2:7400", "'fe80::2:7400' needs a host of 1 to 255 bytes, an IPv6 address in "
                         "brackets"},
        {"[]:1", "'[]:1' needs a host of 1 to 255 bytes, an IPv6 address in brackets"},
        {"[a]:1", "'[a]:1' needs a host of 1 to 255 bytes, an IPv6 address in brackets"},
        {"[::1:1", "'[::1:1' needs a host of 1 to 255 bytes, an IPv6 address in brackets"},
        {"[::1]x:1", "'[::1]x:1' needs a host of 1 to 255 bytes, an IPv6 address in brackets"},
        {"n1@h:1", "'n1@h:1' names a node before the '@': only host:port is needed"},
        {"a:1 b:1 a:1", "'a:1' is listed twice"},
        {"a a:7400", "'a:7400' is listed twice"},
    };
    expect_rows(rows, sizeof(rows) / sizeof(rows[0]));
}

Test(seeds, hosts_are_255_bytes_long_at_most)
{
    char text[300];
    memset(text, 'h', sizeof(text));
    char *result = parse(bytes_of(text, 255));
    cr_expect_eq(strlen(result), 255 + strlen(":7400"));
    free(result);
    result = parse(bytes_of(text, 256));
    cr_expect_not_null(strstr(result, "hh' needs a host of 1 to 255 bytes"), "%s", result);
    cr_expect_lt(strlen(result), 200); // only its beginning is shown
    free(result);
}

static char *list_of(unsigned count)
{
    char *list;
    size_t size;
    FILE *out = open_memstream(&list, &size);
    for (unsigned i = 1; i <= count; i++)
        fprintf(out, "h:%u,", i);
    fclose(out);
    return list;
}

Test(seeds, are_64_at_most)
{
    for (unsigned count = SEEDS_MAX; count <= SEEDS_MAX + 1; count++) {
        char *list = list_of(count);
        struct seed *seeds = NULL;
        uint32_t found = 0;
        char why[SEEDS_WHY_BYTES] = "";
        bool is_right = seeds_parse(bytes_of_text(list), &seeds, &found, why);
        cr_expect_eq(is_right, count == SEEDS_MAX);
        cr_expect_eq(found, is_right ? SEEDS_MAX : 0);
        cr_expect_str_eq(why, is_right ? "" : "'h:65' is one too many: at most 64 seeds");
        free(seeds);
        free(list);
    }
}

Test(seeds, names_of_nodes_are_letters_digits_and_a_few_signs)
{
    static const char longest[] = "0123456789-0123456789_0123456789.abcdefghijklmnopqrstuvwxyzABCD";
    static_assert(sizeof(longest) - 1 == NODE_NAME_BYTES_MAX, "one byte more is too long");
    cr_expect(node_name_is_valid(bytes_of_text("n")));
    cr_expect(node_name_is_valid(bytes_of_text(longest)));
    cr_expect_not(node_name_is_valid(bytes_of(longest, sizeof(longest))));
    static const char *const wrong[] = {"", "a b", "a/b", "a@b", "a:1", "a\n", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        cr_expect_not(node_name_is_valid(bytes_of_text(wrong[i])), "'%s'", wrong[i]);
    static const char longer[] = "0123456789-0123456789_0123456789.abcdefghijklmnopqrstuvwxyzABCDE";
    cr_expect_not(node_name_is_valid(bytes_of_text(longer)));
}
