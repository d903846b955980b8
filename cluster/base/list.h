// SPDX-License-Identifier: Apache-2.0
// An intrusive doubly linked list: the links live in the elements, the list owns nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

#define LIST_ENTRY(link, type, member) ((type *)((char *)(link)-offsetof(type, member)))

static inline void list_init(struct list *list)
{
    list->next = list->previous = list;
}

static inline bool list_is_empty(const struct list *list)
{
    return list->next == list;
}

static inline void list_append(struct list *list, struct list *element)
{
    element->previous = list->previous;
    element->next = list;
    list->previous->next = element;
    list->previous = element;
}

// Unlinks; afterwards the element is a list of its own, so removing it twice does no harm.
static inline void list_remove(struct list *element)
{
    element->previous->next = element->next;
    element->next->previous = element->previous;
    list_init(element);
}

static inline struct list *list_pop(struct list *list)
{
    if (list_is_empty(list))
        return NULL;
    struct list *first = list->next;
    // The analyzer takes what was popped and freed before for still linked.
    list_remove(first); // NOLINT(clang-analyzer-unix.Malloc)
    return first;
}
