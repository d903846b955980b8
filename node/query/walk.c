// SPDX-License-Identifier: Apache-2.0
#include "node/query/walk.h"

#include "cluster/wire/cursor.h"
#include "node/query/value.h"

// ---- Children ----

uint32_t field_name_place(const struct field *field, uint64_t word)
{
    uint32_t low = 0;
    uint32_t high = field->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (field->names[middle].word < word)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t field_index_place(const struct field *field, uint32_t index)
{
    uint32_t low = 0;
    uint32_t high = field->index_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (field->indexes[middle]->part.index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct field *field_named(const struct field *field, struct bytes name, size_t readable)
{
    uint64_t word = name_word(name, readable);
    uint32_t at = field_name_place(field, word);
    for (; at < field->name_count && field->names[at].word == word; at++)
        if (bytes_equal(field->names[at].field->part.name, name))
            return field->names[at].field;
    return NULL;
}

// ---- The walk ----

struct walk {
    struct cursor cursor;
    struct bytes *slots; // borrowed
    uint32_t left_count; // slots not found yet
};

static bool walk_object(struct walk *walk, const struct field *field);

static inline bool walk_skip(struct walk *walk)
{
    const uint8_t *at = walk->cursor.at;
    size_t left = cursor_left(&walk->cursor);
    size_t size = left > 0 ? value_head_sizes[*at] : 0;
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

static const struct field *key_find(const struct walk *walk, const struct field *field,
                                    struct bytes key)
{
    if (key.data == NULL || !(field->name_sizes >> (key.size % 64) & 1))
        return NULL;
    return field_named(field, key, (size_t)(walk->cursor.end - key.data));
}

// Takes the object under the cursor for `field`. False ends the walk: all found, or the document
// ends in the middle of an object.
static bool walk_take(struct walk *walk, const struct field *field)
{
    struct bytes *slot = &walk->slots[field->slot];
    const uint8_t *start = walk->cursor.at;
    slot->data = start; // from here on, a second key of this name is none
    if (field_is_inner(field) ? !walk_object(walk, field) : !walk_skip(walk))
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
        size_t value_size = value_head_sizes[at[1 + name_size]];
        if (value_size == 0 || value_size > left - 1 - name_size)
            break;
        at += 1 + name_size + value_size;
    }
    walk->cursor.at = at;
    return skipped;
}

static bool walk_map(struct walk *walk, const struct field *field, uint32_t pair_count)
{
    for (uint32_t pair = 0; pair < pair_count; pair++) {
        pair += walk_unused(walk, field->name_sizes, pair_count - pair);
        if (pair == pair_count)
            break;
        struct bytes key;
        if (!walk_key(walk, &key))
            return false;
        const struct field *child = key_find(walk, field, key);
        bool is_first = child != NULL && walk->slots[child->slot].data == NULL;
        if (is_first ? !walk_take(walk, child) : !walk_skip(walk))
            return false;
    }
    return true;
}

static bool walk_array(struct walk *walk, const struct field *field, uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t at = 0; at < count; at++) {
        bool is_used = next < field->index_count && field->indexes[next]->part.index == at;
        if (is_used ? !walk_take(walk, field->indexes[next++]) : !walk_skip(walk))
            return false;
    }
    return true;
}

// Steps over one object and fills the slots below `field` on the way; at most PATH_PARTS_MAX deep.
static bool walk_object(struct walk *walk, const struct field *field)
{
    uint32_t count;
    if (field->name_count > 0 && cursor_read_map(&walk->cursor, &count))
        return walk_map(walk, field, count);
    if (field->index_count > 0 && cursor_read_array(&walk->cursor, &count))
        return walk_array(walk, field, count);
    return walk_skip(walk);
}

void field_walk(const struct field *root, uint32_t count, struct bytes document,
                struct bytes *slots)
{
    struct walk walk = {.cursor = cursor_of(document), .slots = slots, .left_count = count};
    (void)walk_object(&walk, root);
}
