// SPDX-License-Identifier: Apache-2.0
#include "node/shard/whole.h"

#include "cluster/base/memory.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/writer.h"
#include "node/query/query.h"
#include "node/shard/core.h"
#include "node/shard/subscriptions.h"

#include <stdio.h>

enum { SCAN_SEGMENTS_PER_PAGE = 512 }; // a page ends here even when nothing was found

// The primaries of this worker are its sources, in the order of their partitions.
static uint32_t first_slot_from(const struct shard *shard, uint16_t partition)
{
    uint32_t low = 0;
    uint32_t high = shard->source_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (shard->sources[middle]->number < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// Where a walk over the sources stands.
struct walk_place {
    uint32_t slot;
    uint64_t hash;
};

static struct walk_place place_from(const struct shard *shard, struct scan_position position)
{
    struct walk_place place = {.slot = first_slot_from(shard, position.partition)};
    if (place.slot < shard->source_count &&
        shard->sources[place.slot]->number == position.partition)
        place.hash = position.hash;
    return place;
}

static struct scan_position position_of(const struct shard *shard, struct walk_place place)
{
    struct scan_position position = {.hash = place.hash};
    if (place.slot < shard->source_count)
        position.partition = shard->sources[place.slot]->number;
    return position;
}

// ---- SIZE and CLEAR ----

// Entries of the map in the primaries of this worker.
static uint64_t map_size(const struct shard *shard, struct bytes map)
{
    uint64_t count = 0;
    for (uint32_t slot = 0; slot < shard->source_count; slot++)
        count += partition_map_size(shard->sources[slot]->partition, map);
    return count;
}

static void execute_size(struct shard *shard, const struct request *request)
{
    struct answer answer;
    struct buffer *out = answer_begin(&answer, shard, request, NULL, 0);
    reply_encode_count(out, request->id, map_size(shard, request->op.map));
    answer_end(&answer);
}

enum { CLEAR_STEPS_PER_CALL = 64 };

static struct replica *replica_of(struct source *source)
{
    return LIST_ENTRY(source, struct replica, source);
}

// One segment of one partition, and whose effects they are; NULL when it was refused and answered.
static struct replica *clear_step(struct shard *shard, const struct request *request,
                                  struct walk_place *place, uint64_t *removed)
{
    struct source *source = shard->sources[place->slot];
    struct replica *replica = replica_of(source);
    char text[384];
    enum error error = replica_write_refusal(replica, shard->view, text, sizeof text);
    if (error != ERROR_NONE) {
        answer_refuse(shard, request, error, text, 0);
        return NULL;
    }
    struct op op = request->op;
    op.partition = source->number;
    op.position = (struct scan_position){.partition = source->number, .hash = place->hash};
    struct op_result result;
    partition_execute(source->partition, &op, (int64_t)shard->time.unix_us, replica->readable_seq,
                      &result);
    if (result.error != ERROR_NONE) {
        answer_refuse(shard, request, result.error, result.text, 0);
        return NULL;
    }
    shard_note_effects(shard, replica);
    *removed += result.count;
    place->hash = result.more ? result.position.hash : 0;
    place->slot += result.more ? 0 : 1;
    return replica;
}

// A call ends after the first removals that wait for a backup: its answer waits for one partition.
static void execute_clear(struct shard *shard, const struct request *request)
{
    struct walk_place place = place_from(shard, request->op.position);
    struct replica *replica = NULL;
    uint64_t removed = 0;
    uint64_t seq = 0;
    for (int steps = 0; steps < CLEAR_STEPS_PER_CALL && place.slot < shard->source_count; steps++) {
        replica = clear_step(shard, request, &place, &removed);
        if (!replica)
            return;
        seq = partition_last_seq(replica->source.partition);
        if (seq > replica->readable_seq)
            break;
    }
    struct answer answer;
    struct buffer *out = answer_begin(&answer, shard, request, replica, seq);
    reply_encode_clear(out, request->id, removed, place.slot < shard->source_count,
                       position_of(shard, place));
    answer_end(&answer);
}

// ---- SCAN ----

struct scan_page {
    const struct query *query; // NULL: all entries
    struct buffer *rows;
    uint64_t limit;    // LIMIT of the query; 0: none
    uint32_t rows_max; // the page ends once it has as many
    uint32_t row_count;
    uint64_t committed_seq; // of the partition being walked
    uint64_t newest_seq;    // of a row that is not committed yet; 0: none
};

static void scan_visit(void *context, const struct entry *entry)
{
    struct scan_page *page = context;
    if (page->query && !query_matches(page->query, entry->key, entry->value))
        return;
    write_object(page->rows, entry->key);
    write_uint(page->rows, entry->seq);
    if (page->query)
        query_project(page->query, entry->key, entry->value, page->rows);
    else
        write_object(page->rows, entry->value);
    page->row_count++;
    if (entry->seq > page->committed_seq && entry->seq > page->newest_seq)
        page->newest_seq = entry->seq;
}

// Fills the page; the replica whose commit the page must wait for, or NULL.
static struct replica *scan_fill(struct shard *shard, struct bytes map, struct walk_place *place,
                                 struct scan_page *page)
{
    for (int segments = 0; segments < SCAN_SEGMENTS_PER_PAGE && place->slot < shard->source_count;
         segments++) {
        if (page->row_count >= page->rows_max || buffer_size(page->rows) >= SCAN_PAGE_BYTES)
            break;
        struct source *source = shard->sources[place->slot];
        page->committed_seq = replica_of(source)->readable_seq;
        if (!partition_walk(source->partition, map, &place->hash, scan_visit, page)) {
            place->slot++;
            place->hash = 0;
        }
        if (page->newest_seq != 0)
            return replica_of(source);
    }
    return NULL;
}

static void scan_answer(struct shard *shard, const struct request *request, struct replica *replica,
                        struct walk_place place, const struct scan_page *page)
{
    struct answer answer;
    struct buffer *out = answer_begin(&answer, shard, request, replica, page->newest_seq);
    reply_encode_scan(out, request->id, place.slot < shard->source_count, position_of(shard, place),
                      page->row_count, buffer_bytes(page->rows), page->limit);
    answer_end(&answer);
}

static void execute_scan(struct shard *shard, const struct request *request)
{
    struct query *query = NULL;
    if (request->op.query.size > 0) {
        query = subscriptions_compile(shard, request->op.query, request->outlet, request->id);
        if (!query)
            return;
    }
    buffer_clear(&shard->scratch);
    struct scan_page page = {
        .query = query, .rows = &shard->scratch, .limit = query ? query_limit(query) : 0};
    page.rows_max =
        page.limit > 0 && page.limit < request->op.limit ? (uint32_t)page.limit : request->op.limit;
    struct walk_place place = place_from(shard, request->op.position);
    struct bytes map = query ? query_map(query) : request->op.map;
    struct replica *replica = scan_fill(shard, map, &place, &page);
    scan_answer(shard, request, replica, place, &page);
    query_free(query);
    buffer_clear(&shard->scratch);
    buffer_trim(&shard->scratch, SCAN_PAGE_BYTES);
}

// ---- MAPS and STATS ----

struct maps_visit {
    const struct shard *shard;
    struct buffer *out;
    uint32_t count;
};

static void maps_visit(void *context, struct bytes name, uint64_t entry_count)
{
    (void)entry_count; // counts backups too
    struct maps_visit *visit = context;
    write_array(visit->out, 2);
    write_str(visit->out, name);
    write_uint(visit->out, map_size(visit->shard, name));
    visit->count++;
}

static void execute_maps(struct shard *shard, const struct request *request)
{
    buffer_clear(&shard->scratch);
    struct maps_visit visit = {.shard = shard, .out = &shard->scratch};
    store_each_map(shard->store, maps_visit, &visit);
    struct buffer object = {0};
    write_array(&object, visit.count);
    write_object(&object, buffer_bytes(&shard->scratch));
    struct answer answer;
    struct buffer *out = answer_begin(&answer, shard, request, NULL, 0);
    reply_encode_object(out, request->id, buffer_bytes(&object));
    answer_end(&answer);
    buffer_deinit(&object);
}

static void execute_stats(struct shard *shard, const struct request *request)
{
    buffer_clear(&shard->scratch);
    shard->options.host.stats(shard->options.host.context, &shard->scratch);
    struct answer answer;
    struct buffer *out = answer_begin(&answer, shard, request, NULL, 0);
    reply_encode_object(out, request->id, buffer_bytes(&shard->scratch));
    answer_end(&answer);
}

void whole_execute(struct shard *shard, const struct request *request)
{
    shard->counters.operations++;
    switch (request->op.kind) {
    case OP_SIZE:
        execute_size(shard, request);
        break;
    case OP_CLEAR:
        execute_clear(shard, request);
        break;
    case OP_SCAN:
        execute_scan(shard, request);
        break;
    case OP_MAPS:
        execute_maps(shard, request);
        break;
    case OP_STATS:
        execute_stats(shard, request);
        break;
    case OP_NONE:
    case OP_GET:
    case OP_PUT:
    case OP_GET_AND_PUT:
    case OP_REPLACE:
    case OP_REMOVE:
    case OP_INCREMENT:
    case OP_MERGE:
    case OP_TOUCH:
    case OP_CONTAINS:
    case OP_COUNT:
        check_failed("an operation about a whole shard", __FILE__, __LINE__);
    }
}
