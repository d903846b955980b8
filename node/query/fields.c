// SPDX-License-Identifier: Apache-2.0
#include "node/query/fields.h"

#include "cluster/base/memory.h"
#include "node/query/lexer.h"
#include "node/query/walk.h"

#include "grammar.h"

#include <stdio.h>

struct fields {
    struct field root;    // of every path; has no slot
    struct field **slots; // owned with what they point to; NULL: the slot is free
    uint16_t *free_slots; // below slot_count
    uint32_t slot_count;
    uint32_t free_count;
    uint32_t capacity; // of both arrays
    size_t bytes;
};

struct fields *fields_new(void)
{
    struct fields *fields = memory_new(sizeof *fields);
    fields->bytes = sizeof *fields;
    return fields;
}

void fields_free(struct fields *fields)
{
    if (fields == NULL)
        return;
    CHECK(fields_count(fields) == 0);
    free(fields->slots);
    free(fields->free_slots);
    free(fields->root.names);
    free(fields->root.indexes);
    free(fields);
}

uint32_t fields_count(const struct fields *fields)
{
    return fields->slot_count - fields->free_count;
}

uint32_t fields_slot_count(const struct fields *fields)
{
    return fields->slot_count;
}

size_t fields_bytes(const struct fields *fields)
{
    return fields->bytes;
}

// ---- Slots ----

static void slots_grow(struct fields *fields)
{
    uint32_t capacity = fields->capacity == 0 ? 4 : fields->capacity * 2;
    fields->slots = memory_resize_array(fields->slots, capacity, sizeof(struct field *));
    fields->free_slots = memory_resize_array(fields->free_slots, capacity, sizeof(uint16_t));
    fields->bytes += (capacity - fields->capacity) * (sizeof(struct field *) + sizeof(uint16_t));
    fields->capacity = capacity;
}

static void slot_take(struct fields *fields, struct field *field)
{
    if (fields->free_count > 0) {
        field->slot = fields->free_slots[--fields->free_count];
    } else {
        if (fields->slot_count == fields->capacity)
            slots_grow(fields);
        field->slot = (uint16_t)fields->slot_count++;
    }
    fields->slots[field->slot] = field;
}

// ---- The tree ----

static struct field *child_find(const struct field *field, const struct path_part *part)
{
    if (!part->is_index)
        return field_named(field, part->name, part->name.size);
    uint32_t at = field_index_place(field, part->index);
    bool found = at < field->index_count && field->indexes[at]->part.index == part->index;
    return found ? field->indexes[at] : NULL;
}

static size_t field_bytes(const struct field *field)
{
    return sizeof *field + field->part.name.size +
           (field->part.is_index ? sizeof(struct field *) : sizeof(struct field_name));
}

static void child_link(struct field *parent, struct field *child)
{
    if (child->part.is_index) {
        uint32_t at = field_index_place(parent, child->part.index);
        parent->indexes =
            memory_resize_array(parent->indexes, parent->index_count + 1, sizeof(struct field *));
        struct field **place = parent->indexes + at;
        memmove(place + 1, place, (parent->index_count++ - at) * sizeof *place);
        *place = child;
        return;
    }
    uint64_t word = name_word(child->part.name, child->part.name.size);
    uint32_t at = field_name_place(parent, word);
    parent->names =
        memory_resize_array(parent->names, parent->name_count + 1, sizeof *parent->names);
    struct field_name *place = parent->names + at;
    memmove(place + 1, place, (parent->name_count++ - at) * sizeof *place);
    *place = (struct field_name){.word = word, .field = child};
    parent->name_sizes |= UINT64_C(1) << (child->part.name.size % 64);
}

static struct field *child_add(struct fields *fields, struct field *parent,
                               const struct path_part *part)
{
    if (fields_count(fields) == FIELDS_MAX)
        return NULL;
    // The name stands behind the field.
    struct field *child = memory_new(sizeof *child + part->name.size);
    child->parent = parent;
    child->part.is_index = part->is_index;
    child->part.index = part->index;
    if (part->name.size > 0)
        memcpy(child + 1, part->name.data, part->name.size);
    child->part.name = bytes_of(child + 1, part->name.size);
    child_link(parent, child);
    slot_take(fields, child);
    fields->bytes += field_bytes(child);
    return child;
}

static void name_unlink(struct field *parent, const struct field *child)
{
    uint32_t at = field_name_place(parent, name_word(child->part.name, child->part.name.size));
    while (parent->names[at].field != child)
        at++;
    struct field_name *place = parent->names + at;
    memmove(place, place + 1, (--parent->name_count - at) * sizeof *place);
    parent->name_sizes = 0;
    for (uint32_t left = 0; left < parent->name_count; left++)
        parent->name_sizes |= UINT64_C(1) << (parent->names[left].field->part.name.size % 64);
}

static void child_remove(struct fields *fields, struct field *child)
{
    struct field *parent = child->parent;
    if (child->part.is_index) {
        struct field **place = parent->indexes + field_index_place(parent, child->part.index);
        CHECK(*place == child);
        size_t behind = --parent->index_count - (size_t)(place - parent->indexes);
        memmove(place, place + 1, behind * sizeof *place);
    } else {
        name_unlink(parent, child);
    }
    fields->slots[child->slot] = NULL;
    fields->free_slots[fields->free_count++] = child->slot;
    fields->bytes -= field_bytes(child);
    free(child->names);
    free(child->indexes);
    free(child);
}

// Removes what nobody holds and no path goes through, up to the root.
static void field_prune(struct fields *fields, struct field *field)
{
    while (field != &fields->root && field->hold_count == 0 && !field_is_inner(field)) {
        struct field *parent = field->parent;
        child_remove(fields, field);
        field = parent;
    }
}

bool fields_hold(struct fields *fields, const struct path *path, uint16_t *slot)
{
    struct field *field = &fields->root;
    for (const struct path_part *part = path->first; part != NULL; part = part->next) {
        struct field *child = child_find(field, part);
        if (child == NULL)
            child = child_add(fields, field, part);
        if (child == NULL) {
            field_prune(fields, field);
            return false;
        }
        field = child;
    }
    field->hold_count++;
    *slot = field->slot;
    return true;
}

void fields_retain(struct fields *fields, uint16_t slot)
{
    CHECK(slot < fields->slot_count && fields->slots[slot] != NULL);
    fields->slots[slot]->hold_count++;
}

void fields_release(struct fields *fields, uint16_t slot)
{
    CHECK(slot < fields->slot_count);
    struct field *field = fields->slots[slot];
    CHECK(field != NULL && field->hold_count > 0);
    field->hold_count--;
    field_prune(fields, field);
}

uint16_t fields_slot(const struct fields *fields, const struct path *path)
{
    const struct field *field = &fields->root;
    for (const struct path_part *part = path->first; part != NULL; part = part->next) {
        field = child_find(field, part);
        CHECK(field != NULL);
    }
    return field->slot;
}

// ---- Names ----

// Whether a query may have the name without quotes: the lexer knows.
static bool is_plain(struct bytes name, bool is_first)
{
    if (is_first && name.size >= 2 && memcmp(name.data, "__", 2) == 0)
        return false; // reserved
    struct query_error error;
    struct source source = {.text = name, .error = &error};
    char *text = memory_copy_text((const char *)name.data, name.size);
    struct lexer lexer = {.source = &source,
                          .start = text,
                          .at = text,
                          .end = text + name.size,
                          .previous = is_first ? 0 : TOKEN_DOT};
    struct token token;
    bool is_plain =
        lexer_next(&lexer, &token) && token.kind == TOKEN_NAME && token.size == name.size;
    free(text);
    return is_plain;
}

static void name_say(struct bytes name, bool is_first, struct buffer *out)
{
    if (is_plain(name, is_first)) {
        buffer_append(out, name.data, name.size);
        return;
    }
    buffer_append(out, "\"", 1);
    for (size_t at = 0; at < name.size; at++)
        buffer_append(out, name.data[at] == '"' ? "\"\"" : (const char *)&name.data[at],
                      name.data[at] == '"' ? 2 : 1);
    buffer_append(out, "\"", 1);
}

static void field_say(const struct fields *fields, const struct field *field, struct buffer *out)
{
    bool is_first = field->parent == &fields->root;
    if (!is_first)
        field_say(fields, field->parent, out); // at most PATH_PARTS_MAX deep
    if (field->part.is_index) {
        char index[16];
        int size = snprintf(index, sizeof index, "[%u]", field->part.index);
        buffer_append(out, index, (size_t)size);
        return;
    }
    if (!is_first)
        buffer_append(out, ".", 1);
    name_say(field->part.name, is_first, out);
}

void fields_name(const struct fields *fields, uint16_t slot, struct buffer *out)
{
    CHECK(slot < fields->slot_count && fields->slots[slot] != NULL);
    field_say(fields, fields->slots[slot], out);
}

// ---- The walk ----

void fields_find(const struct fields *fields, struct bytes document, struct bytes *slots)
{
    if (fields->slot_count == 0)
        return;
    memset(slots, 0, fields->slot_count * sizeof *slots);
    field_walk(&fields->root, fields_count(fields), document, slots);
}
