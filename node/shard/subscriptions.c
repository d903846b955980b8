// SPDX-License-Identifier: Apache-2.0
#include "node/shard/subscriptions.h"

#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"
#include "node/shard/core.h"

#include <stdio.h>

static void refuse(struct shard *shard, struct outlet *outlet, uint32_t request_id,
                   enum error error, const char *text)
{
    size_t mark = buffer_size(&outlet->out);
    shard->counters.errors++;
    error_encode(&outlet->out, FRAME_ERROR, request_id, PARTITION_ANY, error, text, 0);
    frame_set_view(&outlet->out, mark, shard_view_byte(shard));
    outlet_changed(outlet);
}

struct query *subscriptions_compile(struct shard *shard, struct bytes text, struct outlet *outlet,
                                    uint32_t request_id)
{
    struct query_error error;
    struct query *query = query_new(text, &error);
    if (query)
        return query;
    char message[QUERY_ERROR_TEXT_BYTES + 64];
    snprintf(message, sizeof message, "line %u, column %u: %s", error.line, error.column,
             error.text);
    refuse(shard, outlet, request_id, ERROR_QUERY, message);
    return NULL;
}

static void subscribed_answer(struct shard *shard, struct outlet *outlet, uint32_t request_id)
{
    struct mark *marks = memory_new_array(shard->source_count, sizeof *marks);
    for (uint32_t i = 0; i < shard->source_count; i++) {
        const struct source *source = shard->sources[i];
        marks[i] = (struct mark){.partition = source->number,
                                 .epoch = source->epoch,
                                 .seq = partition_last_seq(source->partition)};
    }
    marks_encode(&outlet->out, FRAME_REPLY, request_id, marks, shard->source_count);
    outlet_changed(outlet);
    free(marks);
}

void subscriptions_add(struct shard *shard, struct outlet *outlet, uint32_t request_id,
                       struct bytes body, struct list *owner)
{
    struct subscribe subscribe;
    enum error error = subscribe_decode(body, &subscribe);
    if (error == ERROR_NONE && (request_id == PROGRESS_REQUEST_ID || watch_find(owner, request_id)))
        error = ERROR_INVALID_ARGUMENT;
    if (error != ERROR_NONE) {
        refuse(shard, outlet, request_id, error,
               "SUBSCRIBE: malformed, or its request id is 0 or taken");
        return;
    }
    if (!shard->view || !shard_has_lease(shard)) {
        refuse(shard, outlet, request_id, ERROR_NO_QUORUM,
               "this node has no contact to a majority of the grid");
        return;
    }
    struct query *query = subscriptions_compile(shard, subscribe.query, outlet, request_id);
    if (!query)
        return;
    if (query_limit(query) != 0) {
        refuse(shard, outlet, request_id, ERROR_QUERY, "a continuous query has no LIMIT");
        query_free(query);
        return;
    }
    struct watch_options options = {
        .subscription = request_id, .snapshot = subscribe.snapshot, .old = subscribe.old};
    watch_new(shard->watches, query, outlet, &options, owner);
    subscribed_answer(shard, outlet, request_id);
}

void subscriptions_remove(struct shard *shard, struct outlet *outlet, uint32_t request_id,
                          struct bytes body, struct list *owner)
{
    uint32_t subscription;
    enum error error = unsubscribe_decode(body, &subscription);
    struct watch *watch = error == ERROR_NONE ? watch_find(owner, subscription) : NULL;
    if (!watch) {
        refuse(shard, outlet, request_id, error != ERROR_NONE ? error : ERROR_UNKNOWN_SUBSCRIPTION,
               "UNSUBSCRIBE: no such subscription on this connection");
        return;
    }
    watch_free(watch);
    marks_encode(&outlet->out, FRAME_REPLY, request_id, NULL, 0);
    outlet_changed(outlet);
}
