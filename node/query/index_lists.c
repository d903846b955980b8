// SPDX-License-Identifier: Apache-2.0
#include "cluster/base/memory.h"
#include "node/query/index_parts.h"

#include <math.h>

struct key_list *list_at(const struct index *index, uint32_t handle)
{
    return slab_at(&index->slab, handle);
}

// ---- Forms ----

static bool has_grains(const struct access_form *form)
{
    return form->second.kind == PART_CELL || form->second.kind == PART_PREFIX ||
           form->second.kind == PART_SUFFIX;
}

static bool part_equal(const struct part *left, const struct part *right)
{
    return left->kind == right->kind && left->family == right->family &&
           left->is_key == right->is_key && left->slot == right->slot;
}

static bool form_equal(const struct access_form *left, const struct access_form *right)
{
    return part_equal(&left->first, &right->first) && part_equal(&left->second, &right->second) &&
           part_equal(&left->bound, &right->bound);
}

// The number of the form; form_count: the index has none such.
static uint32_t form_find(const struct group *group, const struct access_form *form)
{
    for (uint32_t number = 0; number < group->form_count; number++)
        if (group->forms[number].list_count > 0 && form_equal(&group->forms[number].key, form))
            return number;
    return group->form_count;
}

double form_cost(const void *context, const struct access_form *form)
{
    const struct group *group = context;
    if (group->form_count < FORMS_CHEAP || form_find(group, form) < group->form_count)
        return 0;
    // Verifying a predicate costs about as much as looking for a form; a hundred queries may use
    // it.
    return group->form_count < FORMS_MAX ? 0.01 : HUGE_VAL;
}

static void part_retain(struct group *group, const struct part *part)
{
    if (part->kind != 0 && !part->is_key)
        fields_retain(group->fields, part->slot);
}

static void part_release(struct group *group, const struct part *part)
{
    if (part->kind != 0 && !part->is_key)
        fields_release(group->fields, part->slot);
}

uint32_t form_take(struct group *group, const struct access_form *key)
{
    uint32_t number = form_find(group, key);
    if (number < group->form_count)
        return number;
    for (number = 0; number < group->form_count && group->forms[number].list_count > 0;)
        number++;
    if (number == group->form_count) {
        group->forms =
            memory_resize_array(group->forms, group->form_count + 1, sizeof *group->forms);
        group->form_count++;
    }
    struct form *form = &group->forms[number];
    *form = (struct form){.key = *key};
    if (has_grains(key))
        form->grain_lists = memory_new_array(GRAIN_COUNT, sizeof *form->grain_lists);
    part_retain(group, &key->first);
    part_retain(group, &key->second);
    part_retain(group, &key->bound);
    return number;
}

static void form_release(struct group *group, uint32_t number)
{
    struct form *form = &group->forms[number];
    free(form->grain_lists);
    part_release(group, &form->key.first);
    part_release(group, &form->key.second);
    part_release(group, &form->key.bound);
    while (group->form_count > 0 && group->forms[group->form_count - 1].list_count == 0)
        group->form_count--;
}

static void form_count_list(struct form *form, unsigned grain)
{
    form->list_count++;
    if (form->grain_lists != NULL) {
        form->grain_lists[grain]++;
        form->grain_mask |= 1U << grain;
    }
}

static void form_forget_list(struct group *group, uint32_t number, unsigned grain)
{
    struct form *form = &group->forms[number];
    if (form->grain_lists != NULL && --form->grain_lists[grain] == 0)
        form->grain_mask &= ~(1U << grain);
    if (--form->list_count == 0)
        form_release(group, number);
}

// ---- Lists ----

uint32_t list_find(const struct index *index, const struct group *group, uint32_t form,
                   const struct access_key *key, uint32_t hash)
{
    uint32_t handle = handles_first(&group->lists, hash);
    while (handle != 0) {
        const struct key_list *list = list_at(index, handle);
        if (list->item.hash == hash && list->form == form && list->key_size == key->size &&
            memcmp(list->key, key->bytes, key->size) == 0)
            return handle;
        handle = list->item.next;
    }
    return 0;
}

uint32_t list_take(struct index *index, struct group *group, uint32_t form,
                   const struct access_key *key, uint32_t hash, unsigned grain)
{
    uint32_t handle = list_find(index, group, form, key, hash);
    if (handle != 0)
        return handle;
    handle = slab_alloc(&index->slab, SLAB_TABLE, sizeof(struct key_list) + key->size);
    CHECK(handle != 0); // predicate_new looked for room
    struct key_list *list = list_at(index, handle);
    *list = (struct key_list){.item.hash = hash,
                              .form = (uint16_t)form,
                              .grain = (uint8_t)grain,
                              .key_size = (uint8_t)key->size};
    memcpy(list->key, key->bytes, key->size);
    handles_add(&group->lists, &index->slab, handle);
    form_count_list(&group->forms[form], grain);
    return handle;
}

void list_release(struct index *index, struct group *group, uint32_t handle)
{
    const struct key_list *list = list_at(index, handle);
    if (list->postings.count > 0)
        return;
    form_forget_list(group, list->form, list->grain);
    handles_remove(&group->lists, &index->slab, handle);
    slab_release(&index->slab, handle);
}
