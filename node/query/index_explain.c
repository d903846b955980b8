// SPDX-License-Identifier: Apache-2.0
#include "node/query/index_parts.h"

#include <math.h>
#include <stdio.h>

// ---- The key as text ----

static void say(struct buffer *out, const char *text)
{
    buffer_append(out, text, strlen(text));
}

static void part_say(const struct group *group, const struct part *part, const char *how,
                     struct buffer *out)
{
    if (part->is_key)
        say(out, "__key");
    else
        fields_name(group->fields, part->slot, out);
    say(out, how);
}

static const char *part_how(const struct part *part)
{
    switch ((enum part_kind)part->kind) {
    case PART_POINT:
        return " =";
    case PART_EXISTS:
        return " exists";
    case PART_CELL:
        return " in a range";
    case PART_PREFIX:
        return " begins";
    case PART_SUFFIX:
        return " ends";
    case PART_CONTAINS:
        return " contains";
    case PART_NONE:
        break;
    }
    return "";
}

// "region = and symbol = (3 keys), price > sorted"
static void form_say(const struct group *group, const struct access_form *form, uint32_t key_count,
                     struct buffer *out)
{
    bool has_both = form->first.kind != PART_NONE && form->second.kind != PART_NONE;
    bool has_any = form->first.kind != PART_NONE || form->second.kind != PART_NONE;
    if (buffer_size(out) > 0)
        say(out, "; ");
    if (form->first.kind != PART_NONE)
        part_say(group, &form->first, part_how(&form->first), out);
    if (has_both)
        say(out, " and ");
    if (form->second.kind != PART_NONE)
        part_say(group, &form->second, part_how(&form->second), out);
    if (key_count > 1) {
        char count[32];
        snprintf(count, sizeof count, " (%u keys)", key_count);
        say(out, count);
    }
    if (form->bound.kind == BOUND_NONE)
        return;
    if (has_any)
        say(out, ", ");
    part_say(group, &form->bound, form->bound.kind == BOUND_LOW ? " > sorted" : " < sorted", out);
}

static void key_set(struct explanation *explanation, const struct buffer *text)
{
    size_t size = buffer_size(text);
    if (size >= sizeof explanation->key)
        size = sizeof explanation->key - 1;
    if (size > 0)
        memcpy(explanation->key, text->data + text->start, size);
    explanation->key[size] = 0;
}

// ---- Of a standing query ----

void index_entry_explain(struct index *index, const struct index_entry *entry,
                         struct explanation *explanation)
{
    const struct predicate *predicate = entry->predicate;
    const struct group *group = predicate_group(predicate);
    *explanation = (struct explanation){.access = predicate_class(predicate)};
    struct buffer text = {0};
    double candidates = 0;
    uint32_t same = 0; // places before this one with its form
    for (uint32_t at = 0; at < predicate->place_count; at++) {
        struct place place = predicate_place(index, predicate, at);
        const struct key_list *list = list_at(index, place.list);
        const struct part *bound = &group->forms[list->form].key.bound;
        candidates += list->postings.count * bound_share(group, bound, place.threshold);
        same++;
        bool is_last =
            at + 1 == predicate->place_count ||
            list_at(index, predicate_place(index, predicate, at + 1).list)->form != list->form;
        if (is_last && explanation->access == ACCESS_KEYED)
            form_say(group, &group->forms[list->form].key, same, &text);
        if (is_last)
            same = 0;
    }
    key_set(explanation, &text);
    buffer_deinit(&text);
    if (predicate->place_count > 0)
        explanation->candidates = candidates / predicate->place_count;
    if (access_stats_seen(group->stats) > 0)
        explanation->hit_share = fmin(predicate_share(index, predicate), 1);
}

// ---- Of one that might be added ----

void index_explain(struct index *index, const struct query *query, struct explanation *explanation)
{
    *explanation = (struct explanation){.access = ACCESS_ALL};
    struct index_entry entry;
    char text[QUERY_ERROR_TEXT_BYTES];
    // Nothing tells better what index_add would do. The quota does not count here.
    uint32_t always_max = index->options.always_max;
    index->options.always_max = UINT32_MAX;
    enum error error = index_add(index, query, &entry, text, sizeof text);
    index->options.always_max = always_max;
    if (error != ERROR_NONE) {
        explanation->access = ACCESS_ALWAYS;
        return;
    }
    index_entry_explain(index, &entry, explanation);
    index_remove(index, &entry);
}

// ---- Figures ----

static uint64_t group_bytes(const struct group *group)
{
    return group->map_size + fields_bytes(group->fields) + access_stats_bytes(group->stats) +
           handles_bytes(&group->predicates) + handles_bytes(&group->lists) +
           group->form_count * sizeof(struct form);
}

void index_figures(const struct index *index, struct index_figures *figures)
{
    *figures = index->figures;
    figures->bytes = sizeof *index + slab_live_bytes(&index->slab) + rings_bytes(&index->rings) +
                     handles_bytes(&index->groups) +
                     index->slot_capacity * 2 * sizeof(struct bytes) +
                     index->found.capacity * sizeof(struct found_item) + index->code.capacity;
    for (uint32_t bucket = 0; bucket < index->groups.bucket_count; bucket++)
        for (uint32_t handle = *handles_head(&index->groups, bucket); handle != 0;
             handle = handle_item_at(&index->slab, handle)->next)
            figures->bytes += group_bytes(slab_at(&index->slab, handle));
}
