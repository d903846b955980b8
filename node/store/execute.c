// SPDX-License-Identifier: Apache-2.0
// Operations: find the entry, check the conditions, make one change, say what happened.
#include "cluster/model/limits.h"
#include "node/store/merge.h"
#include "node/store/number.h"
#include "node/store/partition.h"

#include <stdio.h>

// An operation under way.
struct call {
    const struct op *op;
    int64_t now_us;
    uint64_t commit_seq;
    struct op_result *result;
    struct target target;
    const struct record *record; // the entry as it is, NULL: none
    bool is_done;                // the operation has made its effect
};

static void result_init(struct op_result *result)
{
    result->error = ERROR_NONE;
    result->found = false;
    result->version = 0;
    result->seq = 0;
    result->value = bytes_of(NULL, 0);
    result->count = 0;
    result->more = false;
    result->position = (struct scan_position){0, 0};
}

static uint64_t last_seq_of(const struct call *call)
{
    return call->target.partition->log.last_seq;
}

// What was seen must be safe before it is told: the entry's version, or, where nothing was found,
// the removal that may be the reason.
static void observe(struct call *call)
{
    struct op_result *result = call->result;
    uint64_t seen_seq = call->record ? record_seq(call->record) : last_seq_of(call);
    result->found = call->record != NULL;
    result->version = call->record ? seen_seq : 0;
    if (seen_seq > call->commit_seq)
        result->seq = seen_seq;
}

// ---- Errors ----

static void fail(struct call *call, enum error error, const char *what)
{
    struct bytes map = call->op->map;
    call->result->error = error;
    (void)snprintf(call->result->text, sizeof call->result->text, "map \"%.*s\": %s",
                   (int)(map.size < 64 ? map.size : 64), (const char *)map.data, what);
}

static void fail_version(struct call *call)
{
    char what[96];
    (void)snprintf(what, sizeof what, "the entry has version %llu, not %llu",
                   (unsigned long long)call->result->version,
                   (unsigned long long)call->op->version);
    fail(call, ERROR_VERSION_MISMATCH, what);
}

static void fail_memory(struct call *call)
{
    const struct store *store = call->target.partition->store;
    char what[96];
    if (store->limit_bytes != 0)
        (void)snprintf(what, sizeof what, "max-memory-bytes reached: %llu of %llu bytes in use",
                       (unsigned long long)store_used_bytes(store),
                       (unsigned long long)store->limit_bytes);
    else
        (void)snprintf(what, sizeof what, "the worker's address range is full: %llu bytes in use",
                       (unsigned long long)store_used_bytes(store));
    fail(call, ERROR_OUT_OF_MEMORY, what);
}

static void fail_maps(struct call *call)
{
    char what[64];
    (void)snprintf(what, sizeof what, "this node has %d maps already", (int)MAPS_MAX);
    fail(call, ERROR_OVERLOADED, what);
}

// ---- Writes ----

static int64_t expiry_from_ttl(const struct call *call)
{
    return call->op->ttl_ms ? call->now_us / US_PER_MS + call->op->ttl_ms : 0;
}

static struct replacement content_of_op(const struct call *call)
{
    return (struct replacement){
        .value = call->op->value,
        .expiry_ms = expiry_from_ttl(call),
        .max_idle_ms = call->op->max_idle_ms,
    };
}

// Stores the content and answers its version. The result's value is the stored one.
static void put_content(struct call *call, const struct replacement *content, enum cause cause)
{
    struct record_fields needed = {
        .key = call->op->key,
        .value = content->value,
        .expiry_ms = content->expiry_ms,
        .max_idle_ms = content->max_idle_ms,
    };
    struct target *target = &call->target;
    const struct store *store = target->partition->store;
    const struct record *record = NULL;
    if (store_has_room(store, record_rounded_bytes(&store->slab, &needed)))
        record = target_put(target, content, cause, call->now_us);
    if (record == NULL) {
        fail_memory(call);
        return;
    }
    call->result->version = call->result->seq = record_seq(record);
    call->result->value = record_value(record);
    call->is_done = true;
}

static void put(struct call *call)
{
    if (call->op->condition != CONDITION_NONE)
        observe(call);
    if (call->op->condition == CONDITION_IF_ABSENT && call->record != NULL) {
        fail(call, ERROR_EXISTS, "the entry exists");
        return;
    }
    if (call->op->condition == CONDITION_IF_VERSION && call->result->version != call->op->version) {
        fail_version(call);
        return;
    }
    struct replacement content = content_of_op(call);
    put_content(call, &content, CAUSE_PUT);
    call->result->found = call->record != NULL;
    call->result->value = bytes_of(NULL, 0);
}

static void get_and_put(struct call *call)
{
    // The record moves to the log with the put and lives there at least until the next one.
    struct bytes old_value = call->record ? record_value(call->record) : bytes_of(NULL, 0);
    struct replacement content = content_of_op(call);
    put_content(call, &content, CAUSE_PUT);
    call->result->found = call->record != NULL;
    call->result->value = old_value;
}

static void replace(struct call *call)
{
    if (call->record == NULL) {
        observe(call);
        fail(call, ERROR_NOT_FOUND, "replace of an entry that is not there");
        return;
    }
    put(call);
}

static void remove_entry(struct call *call)
{
    if (call->record == NULL) {
        observe(call);
        return;
    }
    if (call->op->condition == CONDITION_IF_VERSION &&
        record_seq(call->record) != call->op->version) {
        observe(call);
        fail_version(call);
        return;
    }
    call->result->found = true;
    call->result->version = record_seq(call->record);
    target_remove(&call->target, CAUSE_REMOVE, call->now_us);
    call->is_done = true;
    call->result->seq = last_seq_of(call);
}

// The new value in `scratch`, with the entry's expiry unless the operation sets another.
static void put_computed(struct call *call, const struct buffer *scratch)
{
    struct replacement content = content_of_op(call);
    content.value = buffer_bytes(scratch);
    if (call->op->ttl_ms == 0 && call->record != NULL)
        content.expiry_ms = record_expiry_ms(call->record);
    if (call->op->max_idle_ms == 0 && call->record != NULL)
        content.max_idle_ms = record_max_idle_ms(call->record);
    bool found = call->record != NULL;
    put_content(call, &content, CAUSE_PUT);
    call->result->found = found;
}

static void increment(struct call *call, struct buffer *scratch)
{
    static const uint8_t zero = 0x00;
    struct bytes value = call->record ? record_value(call->record) : bytes_of(&zero, 1);
    enum error error = number_add(value, call->op->value, scratch);
    if (error == ERROR_NONE) {
        put_computed(call, scratch);
        return;
    }
    observe(call);
    fail(call, error,
         error == ERROR_OVERFLOW ? "increment beyond the range of a 64-bit integer"
                                 : "increment needs a number in the entry and as delta");
}

static void merge(struct call *call, struct buffer *scratch)
{
    struct bytes value = call->record ? record_value(call->record) : bytes_of(NULL, 0);
    enum error error = merge_apply(value, call->op->value, scratch);
    uint64_t bytes_max = call->target.partition->store->options.value_bytes_max;
    if (error == ERROR_NONE && bytes_max != 0 && buffer_size(scratch) > bytes_max)
        error = ERROR_TOO_LARGE;
    if (error == ERROR_NONE) {
        put_computed(call, scratch);
        return;
    }
    observe(call);
    fail(call, error,
         error == ERROR_TOO_LARGE ? "the merged value, or a map of the patch, is too large"
                                  : "merge needs a map in the entry and as patch");
}

static void touch(struct call *call)
{
    if (call->record == NULL) {
        observe(call);
        return;
    }
    struct replacement content = content_of_op(call);
    content.value = record_value(call->record);
    put_content(call, &content, CAUSE_TOUCH);
    call->result->found = true;
    call->result->value = bytes_of(NULL, 0);
}

// ---- Finding the entry ----

// The entry that a write sees. One that is due is removed first, by an effect of its own.
static void find_for_write(struct call *call)
{
    target_find(&call->target);
    if (call->target.place.bucket == NULL)
        return;
    call->record = target_record(&call->target);
    if (!partition_is_due(call->target.partition, call->record, call->now_us / US_PER_MS))
        return;
    target_remove(&call->target, CAUSE_EXPIRE, call->now_us);
    call->record = NULL;
}

// Empty, and small again after a large value.
static struct buffer *scratch_of(struct store *store)
{
    buffer_clear(&store->scratch);
    buffer_trim(&store->scratch, SLAB_CHUNK_BYTES);
    return &store->scratch;
}

// Of an operation without an effect its number alone is noted: a retry of it may be executed, an
// attempt that comes after its retry was answered may not.
static void remember(const struct call *call)
{
    const struct op *op = call->op;
    struct origin origin = {
        .client = op->client,
        .number = op->number,
        .floor = op->floor < op->number ? op->floor : op->number,
        .kind = (uint8_t)op->kind,
    };
    partition_remember(call->target.partition, &origin, call->record, call->result->value,
                       (uint64_t)call->now_us);
}

static bool op_is_remembered(const struct op *op)
{
    return op->client != 0 && op->number != 0 && op->client != ORIGIN_FORGOTTEN;
}

static void execute_write(struct call *call)
{
    struct store *store = call->target.partition->store;
    call->target.map = map_list_add(&store->maps, call->op->map, MAPS_MAX);
    if (call->target.map == NULL) {
        fail_maps(call);
        return;
    }
    find_for_write(call);
    if (call->op->kind == OP_PUT)
        put(call);
    else if (call->op->kind == OP_GET_AND_PUT)
        get_and_put(call);
    else if (call->op->kind == OP_REPLACE)
        replace(call);
    else if (call->op->kind == OP_REMOVE)
        remove_entry(call);
    else if (call->op->kind == OP_INCREMENT)
        increment(call, scratch_of(store));
    else if (call->op->kind == OP_MERGE)
        merge(call, scratch_of(store));
    else if (call->op->kind == OP_TOUCH)
        touch(call);
    else
        fail(call, ERROR_UNKNOWN_OPERATION, "not an operation of one partition");
    if (!op_is_remembered(call->op))
        return;
    if (call->is_done)
        remember(call);
    else
        partition_note_attempt(call->target.partition, call->op);
}

static void execute_read(struct call *call)
{
    struct partition *partition = call->target.partition;
    call->target.map = map_list_find(&partition->store->maps, call->op->map);
    if (call->target.map != NULL)
        target_find(&call->target);
    if (call->target.place.bucket != NULL) {
        struct record *record = target_record(&call->target);
        int64_t now_ms = call->now_us / US_PER_MS;
        if (!partition_is_due(partition, record, now_ms)) {
            if (record_flags(record) & RECORD_IDLES)
                record_access(record, now_ms);
            call->record = record;
        }
    }
    observe(call);
    if (call->record != NULL && call->op->kind == OP_GET)
        call->result->value = record_value(call->record);
}

// ---- Whole partitions ----

static void execute_size(struct call *call)
{
    call->result->count = partition_map_size(call->target.partition, call->op->map);
    if (last_seq_of(call) > call->commit_seq)
        call->result->seq = last_seq_of(call);
}

// Removes the entries of one segment from the position's hash on.
static void execute_clear(struct call *call)
{
    struct partition *partition = call->target.partition;
    struct slab *slab = &partition->store->slab;
    struct op_result *result = call->result;
    result->seq = last_seq_of(call) > call->commit_seq ? last_seq_of(call) : 0;
    call->target.map = map_list_find(&partition->store->maps, call->op->map);
    const struct table *table =
        call->target.map ? map_table(call->target.map, partition->index) : NULL;
    if (table == NULL || table->root == 0)
        return;
    struct table_segment segment = table_segment_at(table, slab, call->op->position.hash);
    uint32_t handles[SEGMENT_SLOTS_MAX];
    uint32_t count = segment_collect(segment.buckets, segment.mask, slab, handles);
    for (uint32_t i = 0; i < count; i++) {
        call->target.key = record_key(record_at(slab, handles[i]));
        call->target.hash = key_hash(call->target.key);
        if (call->target.hash < call->op->position.hash)
            continue;
        target_find(&call->target);
        target_remove(&call->target, CAUSE_CLEAR, call->now_us);
        result->count++;
    }
    if (result->count > 0)
        result->seq = last_seq_of(call);
    result->more = segment.last_hash != UINT64_MAX;
    result->position = (struct scan_position){
        .partition = partition->number,
        .hash = result->more ? segment.last_hash + 1 : 0,
    };
}

void partition_execute(struct partition *partition, const struct op *op, int64_t now_us,
                       uint64_t commit_seq, struct op_result *result)
{
    struct call call = {
        .op = op,
        .now_us = now_us,
        .commit_seq = commit_seq,
        .result = result,
        .target = {.partition = partition, .key = op->key, .hash = op->hash},
    };
    result_init(result);
    partition_note_time(partition, now_us / US_PER_MS);
    if (op->kind == OP_GET || op->kind == OP_CONTAINS)
        execute_read(&call);
    else if (op->kind == OP_SIZE)
        execute_size(&call);
    else if (op->kind == OP_CLEAR)
        execute_clear(&call);
    else if (!op_is_remembered(op) || !partition_answer_retry(partition, op, now_us, result))
        execute_write(&call);
}
