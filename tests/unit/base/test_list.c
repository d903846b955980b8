// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/list.h"

#include <criterion/criterion.h>

struct item {
    int number;
    struct list link;
};

static int pop_number(struct list *list)
{
    struct list *link = list_pop(list);
    return link ? LIST_ENTRY(link, struct item, link)->number : -1;
}

Test(list, pops_in_the_order_of_appending)
{
    struct list list;
    struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    list_init(&list);
    cr_assert(list_is_empty(&list));
    cr_assert_null(list_pop(&list));
    for (int i = 0; i < 3; i++)
        list_append(&list, &items[i].link);
    cr_assert_not(list_is_empty(&list));
    for (int i = 0; i < 3; i++)
        cr_assert_eq(pop_number(&list), i);
    cr_assert(list_is_empty(&list));
}

Test(list, any_element_can_be_removed_and_twice_does_no_harm)
{
    for (int removed = 0; removed < 3; removed++) {
        struct list list;
        struct item items[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
        list_init(&list);
        for (int i = 0; i < 3; i++)
            list_append(&list, &items[i].link);
        list_remove(&items[removed].link);
        list_remove(&items[removed].link);
        for (int i = 0; i < 3; i++) {
            if (i != removed)
                cr_assert_eq(pop_number(&list), i);
        }
        cr_assert(list_is_empty(&list));
    }
}

Test(list, a_removed_element_can_be_appended_again)
{
    struct list list;
    struct item items[2] = {{.number = 0}, {.number = 1}};
    list_init(&list);
    list_append(&list, &items[0].link);
    list_append(&list, &items[1].link);
    list_remove(&items[0].link);
    list_append(&list, &items[0].link);
    cr_assert_eq(pop_number(&list), 1);
    cr_assert_eq(pop_number(&list), 0);
}
