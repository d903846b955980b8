// SPDX-License-Identifier: Apache-2.0
#include "node/store/merge.h"

#include "cluster/base/memory.h"
#include "cluster/model/key.h"
#include "cluster/model/limits.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"

enum {
    // Small patches are searched field by field, and need no memory of their own.
    FIELDS_INLINE = 16,
};

struct field {
    struct bytes name;  // what makes names equal: the text of a str, else the whole object
    struct bytes key;   // the whole object
    struct bytes value; // nil: remove
    bool is_str;
    bool is_used; // it met a field of the target in this pass
};

// The fields of one map of the patch, found by name.
struct patch {
    struct field *fields;
    uint32_t count;
    uint32_t *index; // open addressing over field number + 1; NULL for few fields
    uint32_t mask;
    struct field inline_fields[FIELDS_INLINE];
};

static enum error map_merge(struct cursor target, struct cursor patch, struct buffer *out);

static bool is_nil(struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    return cursor_peek(&cursor) == WIRE_NIL;
}

static bool is_map(struct bytes value)
{
    struct cursor cursor = cursor_of(value);
    return cursor_peek(&cursor) == WIRE_MAP;
}

static void field_read(struct cursor *cursor, struct field *field)
{
    CHECK(cursor_read_object(cursor, &field->key));
    CHECK(cursor_read_object(cursor, &field->value));
    struct cursor key = cursor_of(field->key);
    field->is_str = cursor_read_str(&key, &field->name);
    if (!field->is_str)
        field->name = field->key;
    field->is_used = false;
}

static bool field_has_name(const struct field *field, const struct field *other)
{
    return field->is_str == other->is_str && bytes_equal(field->name, other->name);
}

static struct field *patch_find(const struct patch *patch, const struct field *like)
{
    if (patch->index == NULL) {
        for (uint32_t i = 0; i < patch->count; i++) {
            if (field_has_name(&patch->fields[i], like))
                return &patch->fields[i];
        }
        return NULL;
    }
    for (uint64_t at = key_hash(like->name);; at++) {
        uint32_t number = patch->index[at & patch->mask];
        if (number == 0)
            return NULL;
        if (field_has_name(&patch->fields[number - 1], like))
            return &patch->fields[number - 1];
    }
}

static void patch_add(struct patch *patch, const struct field *field)
{
    struct field *earlier = patch_find(patch, field);
    if (earlier != NULL) {
        *earlier = *field;
        return;
    }
    patch->fields[patch->count++] = *field;
    if (patch->index == NULL)
        return;
    uint64_t at = key_hash(field->name);
    while (patch->index[at & patch->mask] != 0)
        at++;
    patch->index[at & patch->mask] = patch->count;
}

static enum error patch_init(struct patch *patch, struct cursor cursor)
{
    uint32_t count;
    CHECK(cursor_read_map(&cursor, &count));
    if (count > MERGE_FIELDS_MAX)
        return ERROR_TOO_LARGE;
    patch->fields = patch->inline_fields;
    patch->index = NULL;
    patch->count = 0;
    if (count > FIELDS_INLINE) {
        uint32_t size = 1U << (33 - __builtin_clz(count)); // at most half full
        patch->fields = memory_new_array(count, sizeof *patch->fields);
        patch->index = memory_new_array(size, sizeof *patch->index);
        patch->mask = size - 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct field field;
        field_read(&cursor, &field);
        patch_add(patch, &field);
    }
    return ERROR_NONE;
}

static void patch_deinit(struct patch *patch)
{
    if (patch->index == NULL)
        return;
    free(patch->fields);
    free(patch->index);
}

static void patch_forget_uses(struct patch *patch)
{
    for (uint32_t i = 0; i < patch->count; i++)
        patch->fields[i].is_used = false;
}

// How many fields the result has. Marks what meets a field of the target.
static uint32_t result_count(struct patch *patch, struct cursor target, uint32_t target_count)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < target_count; i++) {
        struct field field;
        field_read(&target, &field);
        struct field *change = patch_find(patch, &field);
        if (change == NULL || (!change->is_used && !is_nil(change->value)))
            count++;
        if (change != NULL)
            change->is_used = true;
    }
    for (uint32_t i = 0; i < patch->count; i++)
        count += !patch->fields[i].is_used && !is_nil(patch->fields[i].value);
    return count;
}

// The value of a field: the change applied to the value before (size 0: there was none).
static enum error value_merge(struct bytes before, struct bytes change, struct buffer *out)
{
    static const uint8_t empty_map = 0x80;
    if (!is_map(change)) {
        write_object(out, change);
        return ERROR_NONE;
    }
    bool merges = before.size != 0 && is_map(before);
    struct cursor target = cursor_of(merges ? before : bytes_of(&empty_map, 1));
    return map_merge(target, cursor_of(change), out);
}

static enum error target_fields_write(struct patch *patch, struct cursor target,
                                      uint32_t target_count, struct buffer *out)
{
    for (uint32_t i = 0; i < target_count; i++) {
        struct field field;
        field_read(&target, &field);
        struct field *change = patch_find(patch, &field);
        if (change != NULL && (change->is_used || is_nil(change->value))) {
            change->is_used = true;
            continue;
        }
        write_object(out, field.key);
        if (change == NULL) {
            write_object(out, field.value);
            continue;
        }
        change->is_used = true;
        enum error error = value_merge(field.value, change->value, out);
        if (error != ERROR_NONE)
            return error;
    }
    return ERROR_NONE;
}

static enum error new_fields_write(const struct patch *patch, struct buffer *out)
{
    for (uint32_t i = 0; i < patch->count; i++) {
        const struct field *field = &patch->fields[i];
        if (field->is_used || is_nil(field->value))
            continue;
        write_object(out, field->key);
        enum error error = value_merge(bytes_of(NULL, 0), field->value, out);
        if (error != ERROR_NONE)
            return error;
    }
    return ERROR_NONE;
}

// Recursion is bounded by the depth of the patch, which is at most VALUE_DEPTH_MAX.
static enum error map_merge(struct cursor target, struct cursor patch_cursor, struct buffer *out)
{
    struct patch patch;
    uint32_t target_count;
    enum error error = patch_init(&patch, patch_cursor);
    if (error != ERROR_NONE)
        return error;
    CHECK(cursor_read_map(&target, &target_count));
    write_map(out, result_count(&patch, target, target_count));
    patch_forget_uses(&patch);
    error = target_fields_write(&patch, target, target_count, out);
    if (error == ERROR_NONE)
        error = new_fields_write(&patch, out);
    patch_deinit(&patch);
    return error;
}

enum error merge_apply(struct bytes target, struct bytes patch, struct buffer *out)
{
    if (!is_map(patch) || (target.size != 0 && !is_map(target)))
        return ERROR_WRONG_TYPE;
    size_t before = buffer_size(out);
    enum error error = value_merge(target, patch, out);
    if (error == ERROR_NONE && buffer_size(out) - before > VALUE_BYTES_MAX)
        return ERROR_TOO_LARGE;
    return error;
}
