// SPDX-License-Identifier: Apache-2.0
#include "node/feed/format.h"

#include "cluster/base/memory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { BUCKETS_MIN = 16 };

void formats_deinit(struct formats *formats)
{
    CHECK(formats->count == 0);
    free(formats->buckets);
}

static struct format **bucket_of(const struct formats *formats, uint64_t hash)
{
    return &formats->buckets[hash & (formats->bucket_count - 1)];
}

static void formats_grow(struct formats *formats)
{
    struct formats grown = {.count = formats->count};
    grown.bucket_count = formats->bucket_count ? formats->bucket_count * 2 : BUCKETS_MIN;
    grown.buckets = memory_new_array(grown.bucket_count, sizeof(struct format *));
    for (uint32_t i = 0; i < formats->bucket_count; i++) {
        struct format *next;
        for (struct format *format = formats->buckets[i]; format; format = next) {
            struct format **bucket = bucket_of(&grown, format->hash);
            next = format->next;
            format->next = *bucket;
            *bucket = format;
        }
    }
    free(formats->buckets);
    *formats = grown;
}

static bool format_is(const struct format *format, uint64_t hash, struct bytes columns,
                      const struct subscribe *options)
{
    return format->hash == hash && format->content == options->content &&
           format->only_changed == options->only_changed &&
           bytes_equal(bytes_of_text(format->columns), columns);
}

struct format *formats_hold(struct formats *formats, const struct query *query,
                            const struct subscribe *options)
{
    struct bytes columns = query_columns(query);
    uint64_t seed = (uint64_t)options->content << 1 | options->only_changed;
    uint64_t hash = XXH3_64bits_withSeed(columns.data, columns.size, seed);
    if (formats->count == formats->bucket_count)
        formats_grow(formats);
    struct format **bucket = bucket_of(formats, hash);
    for (struct format *format = *bucket; format; format = format->next) {
        if (!format_is(format, hash, columns, options))
            continue;
        format->holders++;
        return format;
    }
    struct format *format = memory_new(sizeof *format);
    format->hash = hash;
    format->holders = 1;
    format->content = options->content;
    format->only_changed = options->only_changed;
    format->columns = memory_copy_text((const char *)columns.data, columns.size);
    if (!query_selects_all(query))
        format->query = query_of_columns(query);
    format->next = *bucket;
    *bucket = format;
    formats->count++;
    return format;
}

void formats_release(struct formats *formats, struct format *format)
{
    if (--format->holders > 0)
        return;
    struct format **place = bucket_of(formats, format->hash);
    while (*place != format)
        place = &(*place)->next;
    *place = format->next;
    formats->count--;
    query_free(format->query);
    free(format->columns);
    free(format);
}

struct bytes format_select(const struct format *format, struct bytes key, struct bytes value,
                           struct buffer *scratch)
{
    if (!format->query || value.size == 0)
        return value;
    buffer_clear(scratch);
    query_project(format->query, key, value, scratch);
    return buffer_bytes(scratch);
}
