// SPDX-License-Identifier: Apache-2.0
// What a partition remembers of operations, and how it answers one that comes again. A primary and
// a backup that applies its effects remember the same.
#include "cluster/wire/cursor.h"
#include "cluster/wire/writer.h"
#include "node/store/partition.h"

#include <stdio.h>

enum { UINT_BYTES_MAX = 9 };

// Memory of results counts among the store's.
static struct results *results_open(struct partition *partition)
{
    if (partition->results == NULL)
        partition->results = results_new();
    else
        partition->store->heap_bytes -= results_bytes(partition->results);
    return partition->results;
}

static void results_close(struct partition *partition)
{
    partition->store->heap_bytes += results_bytes(partition->results);
}

void partition_remember(struct partition *partition, const struct origin *origin,
                        const struct record *old, struct bytes new_value, uint64_t time_us)
{
    struct results *results = results_open(partition);
    struct fill_result result = {
        .origin = *origin,
        .seq = partition->log.last_seq,
        .found = old != NULL || origin->kind == OP_REMOVE,
    };
    uint8_t version[UINT_BYTES_MAX];
    struct buffer version_buffer = {.data = version, .capacity = sizeof version};
    if (origin->kind == OP_INCREMENT || origin->kind == OP_MERGE) {
        result.value = new_value;
    } else if (origin->kind == OP_REMOVE && old != NULL) {
        // Its answer tells the version of what was removed.
        write_uint(&version_buffer, record_seq(old));
        result.value = buffer_bytes(&version_buffer);
    } else if (origin->kind == OP_GET_AND_PUT && old != NULL) {
        result.value = record_value(old);
    }
    result.has_value = result.value.size > 0;
    if (origin->client == ORIGIN_FORGOTTEN)
        results_note_forgotten(results, time_us);
    else if (result.seq > results_last_seq(results))
        results_push(results, &result, time_us);
    results_close(partition);
}

void partition_note_attempt(struct partition *partition, const struct op *op)
{
    results_note_attempt(results_open(partition), op->client, op->number);
    results_close(partition);
}

void partition_cut_results(struct partition *partition, uint64_t seq)
{
    if (partition->results == NULL)
        return;
    results_cut(results_open(partition), seq);
    results_close(partition);
}

void partition_reset_results(struct partition *partition, uint64_t seq)
{
    if (partition->results != NULL)
        results_free(results_open(partition));
    partition->results = NULL;
    if (seq == 0)
        return;
    results_suspect(results_open(partition));
    results_close(partition);
}

// ---- Retries ----

static void answer_error(struct op_result *result, enum error error, const char *text)
{
    result->error = error;
    (void)snprintf(result->text, sizeof result->text, "%s", text);
}

static void answer_without_value(struct op_result *result, uint64_t version)
{
    result->error = ERROR_INDETERMINATE;
    (void)snprintf(result->text, sizeof result->text,
                   "the operation was applied once, as version %llu, but its answer was too large "
                   "to be remembered",
                   (unsigned long long)version);
}

static void answer_again(struct op_result *result, const struct op *op,
                         const struct fill_result *remembered)
{
    if (remembered->origin.kind != op->kind) {
        answer_error(result, ERROR_INVALID_ARGUMENT,
                     "the client has used this number for another operation");
        return;
    }
    result->found = remembered->found;
    result->seq = result->version = remembered->seq;
    if (!result_has_value(op->kind, remembered->found))
        return;
    struct cursor cursor = cursor_of(remembered->value);
    if (!remembered->has_value ||
        (op->kind == OP_REMOVE && !cursor_read_uint(&cursor, &result->version)))
        answer_without_value(result, remembered->seq);
    else if (op->kind != OP_REMOVE)
        result->value = remembered->value;
}

bool partition_answer_retry(const struct partition *partition, const struct op *op, int64_t now_us,
                            struct op_result *result)
{
    if (partition->results == NULL ||
        (!op->is_retry && !results_is_overtaken(partition->results, op->client, op->number)))
        return false;
    int64_t now_ms = now_us / US_PER_MS;
    int64_t sent_ms = op->age_ms < (uint64_t)now_ms ? now_ms - (int64_t)op->age_ms : 0;
    struct fill_result remembered;
    switch (results_find(partition->results, op->client, op->number, sent_ms * US_PER_MS,
                         &remembered)) {
    case RESULT_NEW:
        if (op->is_retry)
            return false;
        answer_error(result, ERROR_INDETERMINATE,
                     "the operation comes late: others of its client have overtaken it");
        break;
    case RESULT_FOUND:
        answer_again(result, op, &remembered);
        break;
    case RESULT_FORGOTTEN:
        answer_error(result, ERROR_INDETERMINATE,
                     "the operation may have been applied: what was answered so long ago, or to so "
                     "many clients, is not remembered");
        break;
    case RESULT_SETTLED:
        answer_error(result, ERROR_INDETERMINATE,
                     "the operation may have been applied: its client has said that it knows the "
                     "answer");
        break;
    }
    return true;
}

// ---- Fills ----

void partition_each_result(struct partition *partition,
                           void (*visit)(void *context, const struct fill_result *result),
                           void *context)
{
    const struct results *results = partition->results;
    uint64_t forgotten_us = results ? results_forgotten_us(results) : 0;
    struct fill_result forgotten = {
        .origin = {.client = ORIGIN_FORGOTTEN,
                   .number = forgotten_us + 1,
                   .floor = forgotten_us + 1,
                   .kind = OP_PUT},
        .seq = 1,
    };
    // Where it is not known, whoever is filled does not learn it either.
    if (forgotten_us != UINT64_MAX)
        visit(context, &forgotten);
    if (results != NULL)
        results_each(results, visit, context);
}

void partition_load_result(struct partition *partition, const struct fill_result *result)
{
    struct results *results = results_open(partition);
    if (result->origin.client == ORIGIN_FORGOTTEN)
        results_note_forgotten(results, result->origin.number - 1);
    else if (result->seq > results_last_seq(results))
        results_push(results, result, 0);
    results_close(partition);
}
