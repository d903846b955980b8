// SPDX-License-Identifier: Apache-2.0
#include "node/query/ast.h"

#include "cluster/model/limits.h"

static_assert((int)PATH_PARTS_MAX == (int)VALUE_DEPTH_MAX, "a path may be as deep as a value");

struct node *node_new(struct arena *arena, enum node_kind kind, uint32_t start, uint32_t end)
{
    struct node *node = arena_take(arena, sizeof *node);
    node->kind = kind;
    node->depth = 1;
    node->start = node->at = start;
    node->end = end;
    return node;
}

static void node_widen(struct node *parent, const struct node *child)
{
    parent->child_count++;
    if (parent->depth <= child->depth)
        parent->depth = (uint16_t)(child->depth + 1);
    if (parent->start > child->start)
        parent->start = child->start;
    if (parent->end < child->end)
        parent->end = child->end;
}

void node_append(struct node *parent, struct node *child)
{
    CHECK(child->next == NULL);
    if (parent->last != NULL)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    node_widen(parent, child);
}

void node_prepend(struct node *parent, struct node *child)
{
    CHECK(child->next == NULL);
    child->next = parent->first;
    parent->first = child;
    if (parent->last == NULL)
        parent->last = child;
    node_widen(parent, child);
}

int node_like_escape(const struct node *node)
{
    const struct node *escape = node->first->next->next;
    return escape != NULL ? escape->constant.bytes.data[0] : -1;
}

static struct path_part *path_append(struct arena *arena, struct path *path)
{
    struct path_part *part = arena_take(arena, sizeof *part);
    if (path->last != NULL)
        path->last->next = part;
    else
        path->first = part;
    path->last = part;
    path->part_count++;
    return part;
}

void path_append_name(struct arena *arena, struct path *path, struct bytes name)
{
    struct path_part *part = path_append(arena, path);
    part->name = name;
}

void path_append_index(struct arena *arena, struct path *path, uint32_t index)
{
    struct path_part *part = path_append(arena, path);
    part->is_index = true;
    part->index = index;
}
