// SPDX-License-Identifier: Apache-2.0
#include "node/query/paths.h"

#include "cluster/wire/cursor.h"

#include <stdlib.h>

// ---- The tree ----

static bool part_equal(const struct path_part *left, const struct path_part *right)
{
    if (left->is_index != right->is_index)
        return false;
    return left->is_index ? left->index == right->index : bytes_equal(left->name, right->name);
}

static struct paths_node *child_find(const struct paths_node *node, const struct path_part *part)
{
    struct paths_node *child = node->first_child;
    while (child != NULL && !part_equal(&child->part, part))
        child = child->next;
    return child;
}

static struct paths_node *child_add(struct paths *paths, struct arena *arena,
                                    struct paths_node *node, const struct path_part *part)
{
    if (paths->slot_count == PATH_NODES_MAX)
        return NULL;
    struct paths_node *child = arena_take(arena, sizeof *child);
    child->part = *part;
    child->part.next = NULL;
    if (!part->is_index)
        child->part.name = arena_copy(arena, part->name);
    child->slot = (uint16_t)paths->slot_count++;
    child->next = node->first_child;
    node->first_child = child;
    if (part->is_index)
        node->index_count++;
    else
        node->name_count++;
    return child;
}

bool paths_add(struct paths *paths, struct arena *arena, const struct path *path, uint16_t *slot)
{
    struct paths_node *node = &paths->root;
    for (const struct path_part *part = path->first; part != NULL; part = part->next) {
        struct paths_node *child = child_find(node, part);
        if (child == NULL)
            child = child_add(paths, arena, node, part);
        if (child == NULL)
            return false;
        node = child;
    }
    *slot = node->slot;
    return true;
}

static int name_order(struct bytes left, struct bytes right)
{
    if (left.size != right.size)
        return left.size < right.size ? -1 : 1;
    return left.size == 0 ? 0 : memcmp(left.data, right.data, left.size);
}

static int node_order(const void *left, const void *right)
{
    const struct path_part *left_part = &(*(struct paths_node *const *)left)->part;
    const struct path_part *right_part = &(*(struct paths_node *const *)right)->part;
    if (left_part->is_index)
        return left_part->index < right_part->index ? -1 : left_part->index > right_part->index;
    return name_order(left_part->name, right_part->name);
}

static void node_finish(struct paths_node *node, struct arena *arena)
{
    node->names = arena_take_array(arena, node->name_count, sizeof(struct paths_node *));
    node->indexes = arena_take_array(arena, node->index_count, sizeof(struct paths_node *));
    uint32_t names = 0;
    uint32_t indexes = 0;
    for (struct paths_node *child = node->first_child; child != NULL; child = child->next) {
        if (child->part.is_index)
            node->indexes[indexes++] = child;
        else
            node->names[names++] = child;
        if (!child->part.is_index)
            node->name_sizes |= UINT64_C(1) << (child->part.name.size % 64);
        node_finish(child, arena); // at most PATH_PARTS_MAX deep
    }
    qsort(node->names, names, sizeof(struct paths_node *), node_order);
    qsort(node->indexes, indexes, sizeof(struct paths_node *), node_order);
}

void paths_finish(struct paths *paths, struct arena *arena)
{
    node_finish(&paths->root, arena);
}

// ---- The walk ----

// Bytes of an object by its first byte, where that byte tells: all but long strings, binaries,
// extensions and containers that are not empty. 0 where it does not.
static const uint8_t object_sizes[256] = {
    [0x00 ... 0x7f] = 1, [0x80] = 1,  [0x90] = 1,  [0xa0] = 1,  [0xa1] = 2,  [0xa2] = 3,
    [0xa3] = 4,          [0xa4] = 5,  [0xa5] = 6,  [0xa6] = 7,  [0xa7] = 8,  [0xa8] = 9,
    [0xa9] = 10,         [0xaa] = 11, [0xab] = 12, [0xac] = 13, [0xad] = 14, [0xae] = 15,
    [0xaf] = 16,         [0xb0] = 17, [0xb1] = 18, [0xb2] = 19, [0xb3] = 20, [0xb4] = 21,
    [0xb5] = 22,         [0xb6] = 23, [0xb7] = 24, [0xb8] = 25, [0xb9] = 26, [0xba] = 27,
    [0xbb] = 28,         [0xbc] = 29, [0xbd] = 30, [0xbe] = 31, [0xbf] = 32, [0xc0] = 1,
    [0xc2] = 1,          [0xc3] = 1,  [0xca] = 5,  [0xcb] = 9,  [0xcc] = 2,  [0xcd] = 3,
    [0xce] = 5,          [0xcf] = 9,  [0xd0] = 2,  [0xd1] = 3,  [0xd2] = 5,  [0xd3] = 9,
    [0xe0 ... 0xff] = 1};

struct walk {
    struct cursor cursor;
    struct bytes *slots; // borrowed
    uint32_t left_count; // slots not found yet
};

static bool walk_object(struct walk *walk, const struct paths_node *node);

static inline bool walk_skip(struct walk *walk)
{
    const uint8_t *at = walk->cursor.at;
    size_t left = cursor_left(&walk->cursor);
    size_t size = left > 0 ? object_sizes[*at] : 0;
    if (size == 0 && left > 1 && *at == 0xd9) // str 8
        size = 2 + (size_t)at[1];
    if (__builtin_expect(size == 0 || size > left, 0))
        return cursor_skip(&walk->cursor);
    walk->cursor.at = at + size;
    return true;
}

// The key of a pair; no bytes (data NULL) when it is no string.
static inline bool walk_key(struct walk *walk, struct bytes *key)
{
    const uint8_t *at = walk->cursor.at;
    size_t left = cursor_left(&walk->cursor);
    if (__builtin_expect(left > 0 && (*at & 0xe0) == 0xa0, 1)) {
        *key = bytes_of(at + 1, *at & 0x1f);
        walk->cursor.at += 1 + key->size;
        return key->size < left;
    }
    if (cursor_read_str(&walk->cursor, key))
        return true;
    *key = bytes_of(NULL, 0);
    return walk_skip(walk);
}

static const struct paths_node *name_find(const struct paths_node *node, struct bytes key)
{
    if (key.data == NULL || !(node->name_sizes >> (key.size % 64) & 1))
        return NULL;
    uint32_t low = 0;
    uint32_t high = node->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = name_order(key, node->names[middle]->part.name);
        if (order == 0)
            return node->names[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

// Takes the object under the cursor for `node`. False ends the walk: all found, or the document
// ends in the middle of an object.
static bool walk_take(struct walk *walk, const struct paths_node *node)
{
    struct bytes *slot = &walk->slots[node->slot];
    const uint8_t *start = walk->cursor.at;
    slot->data = start; // from here on, a second key of this name is none
    bool is_inner = node->name_count + node->index_count > 0;
    if (is_inner ? !walk_object(walk, node) : !walk_skip(walk))
        return false;
    slot->size = (size_t)(walk->cursor.at - start);
    return --walk->left_count > 0;
}

// Steps over pairs as long as their keys cannot be ours by size, and the first bytes tell all
// sizes: most fields of most documents. Returns how many.
static uint32_t walk_unused(struct walk *walk, uint64_t name_sizes, uint32_t pair_count)
{
    const uint8_t *at = walk->cursor.at;
    uint32_t skipped = 0;
    for (; skipped < pair_count; skipped++) {
        size_t left = (size_t)(walk->cursor.end - at);
        size_t name_size = left > 0 ? *at & 0x1f : 0;
        if (left < name_size + 2 || (*at & 0xe0) != 0xa0 || (name_sizes >> name_size & 1))
            break;
        size_t value_size = object_sizes[at[1 + name_size]];
        if (value_size == 0 || value_size > left - 1 - name_size)
            break;
        at += 1 + name_size + value_size;
    }
    walk->cursor.at = at;
    return skipped;
}

static bool walk_map(struct walk *walk, const struct paths_node *node, uint32_t pair_count)
{
    for (uint32_t pair = 0; pair < pair_count; pair++) {
        pair += walk_unused(walk, node->name_sizes, pair_count - pair);
        if (pair == pair_count)
            break;
        struct bytes key;
        if (!walk_key(walk, &key))
            return false;
        const struct paths_node *child = name_find(node, key);
        bool is_first = child != NULL && walk->slots[child->slot].data == NULL;
        if (is_first ? !walk_take(walk, child) : !walk_skip(walk))
            return false;
    }
    return true;
}

static bool walk_array(struct walk *walk, const struct paths_node *node, uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t at = 0; at < count; at++) {
        bool is_used = next < node->index_count && node->indexes[next]->part.index == at;
        if (is_used ? !walk_take(walk, node->indexes[next++]) : !walk_skip(walk))
            return false;
    }
    return true;
}

// Steps over one object and fills the slots below `node` on the way; at most PATH_PARTS_MAX deep.
static bool walk_object(struct walk *walk, const struct paths_node *node)
{
    uint32_t count;
    if (node->name_count > 0 && cursor_read_map(&walk->cursor, &count))
        return walk_map(walk, node, count);
    if (node->index_count > 0 && cursor_read_array(&walk->cursor, &count))
        return walk_array(walk, node, count);
    return walk_skip(walk);
}

void paths_find(const struct paths *paths, struct bytes document, struct bytes *slots)
{
    if (paths->slot_count == 0)
        return;
    memset(slots, 0, paths->slot_count * sizeof *slots);
    struct walk walk = {
        .cursor = cursor_of(document), .slots = slots, .left_count = paths->slot_count};
    (void)walk_object(&walk, &paths->root);
}
