// SPDX-License-Identifier: Apache-2.0
#include "client/shell/completion.h"

#include <criterion/criterion.h>
#include <stdio.h>

// The words for this line, with a blank behind each; maps are "quakes", "queue" and "Users".
static void check_words(const char *before, const char *expected)
{
    static char quakes[] = "quakes";
    static char queue[] = "queue";
    static char users[] = "Users";
    char *const maps[] = {quakes, queue, users};
    struct shell_completions completions;
    char text[512] = "";
    size_t used = 0;
    shell_completions_find(&completions, bytes_of_text(before), maps, 3);
    for (size_t i = 0; i < completions.count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s ", completions.words[i]);
    cr_assert_str_eq(text, expected, "%s: %s", before, text);
}

Test(shell_completion, offers_verbs_first)
{
    check_words("s", "scan size select subscriptions stats ");
    check_words("  PU", "put ");
    check_words("zz", "");
}

Test(shell_completion, offers_maps_where_a_map_stands)
{
    check_words("get ", "quakes queue Users ");
    check_words("get qu", "quakes queue ");
    check_words("scan us", "Users ");
    check_words("get quakes q", "");
    check_words("select mag from qua", "quakes ");
    check_words("watch select * FROM q", "quakes queue ");
    check_words("load f.csv into q", "quakes queue ");
}

Test(shell_completion, offers_the_words_of_a_verb)
{
    check_words("output ", "table json csv raw ");
    check_words("timing o", "on off ");
    check_words("help wa", "watch ");
    check_words("partitions a", "all ");
    check_words("watch --s", "--seconds ");
    check_words("watch --after t --to", "--token ");
    check_words("watch --kinds ", "enter update leave ");
    check_words("watch --causes e", "expire evict ");
    check_words("explain ", "subscribe ");
    check_words("explain subscribe ", "select ");
    check_words("explain subscribe select a fr", "from ");
    check_words("subscriptions l", "limit ");
    check_words("select * fr", "from ");
    check_words("nonsense ", "");
}

Test(shell_completion, knows_what_all_the_words_start_with)
{
    struct shell_completions completions;
    shell_completions_find(&completions, bytes_of_text("m"), NULL, 0); // merge maps members
    cr_assert_eq(completions.count, 3);
    cr_assert_eq(completions.typed, 1);
    cr_assert_eq(completions.common, 1);
    shell_completions_find(&completions, bytes_of_text("rem"), NULL, 0);
    cr_assert_eq(completions.common, strlen("remove"));
    shell_completions_find(&completions, bytes_of_text("xyz"), NULL, 0);
    cr_assert_eq(completions.count, 0);
    cr_assert_eq(completions.common, 3);
}

Test(shell_completion, offers_the_words_of_cluster)
{
    check_words("clu", "cluster ");
    check_words("cluster m", "members migrations ");
    check_words("CLUSTER RE", "recover rebalance ");
    check_words("cluster rebalance --s", "--simulate ");
    check_words("cluster recover --", "--force ");
    check_words("cluster status ", "");
}

// Names are those of the kind that was asked for.
Test(shell_completion, offers_members_and_options_where_both_may_stand)
{
    check_words("cluster leave qu", "quakes queue ");
    check_words("cluster leave --", "--yes ");
    check_words("stats us", "Users ");
}

Test(shell_completion, asks_for_names_only_where_they_count)
{
    static const struct {
        const char *before;
        enum shell_names names;
    } rows[] = {
        {"get q", SHELL_NAMES_MAPS},
        {"ge", SHELL_NAMES_NONE},
        {"locate q", SHELL_NAMES_NONE},
        {"", SHELL_NAMES_NONE},
        {"stats ", SHELL_NAMES_MEMBERS},
        {"stats n1 ", SHELL_NAMES_NONE},
        {"subscriptions ", SHELL_NAMES_MEMBERS},
        {"explain subscribe select * from q", SHELL_NAMES_MAPS},
        {"cluster n", SHELL_NAMES_NONE},
        {"cluster leave ", SHELL_NAMES_MEMBERS},
        {"cluster leave n1 ", SHELL_NAMES_NONE},
        {"cluster partitions n", SHELL_NAMES_MEMBERS},
        {"cluster recover --force n", SHELL_NAMES_MEMBERS},
        {"cluster rebalance --simulate --remove n", SHELL_NAMES_MEMBERS},
        {"cluster rebalance --simulate --add n", SHELL_NAMES_NONE},
        {"cluster voters n", SHELL_NAMES_NONE},
        {"nonsense leave n", SHELL_NAMES_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        cr_assert_eq(shell_completions_names(bytes_of_text(rows[i].before)), rows[i].names, "%s",
                     rows[i].before);
}
