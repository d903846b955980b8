// SPDX-License-Identifier: Apache-2.0
#include "node/shard/subscriptions.h"

#include "cluster/base/memory.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/writer.h"
#include "node/shard/core.h"

#include <stdio.h>

enum { LISTED_MAX = 10000 }; // subscriptions of one answer

// What one frame says, and where its answer goes.
struct session {
    struct shard *shard;
    struct outlet *outlet;
    const struct frame *frame;
    const char *client;
    struct reader **reader;
};

static void refuse(struct shard *shard, struct outlet *outlet, uint32_t request_id,
                   enum error error, const char *text)
{
    size_t mark = buffer_size(&outlet->out);
    shard->counters.errors++;
    error_encode(&outlet->out, FRAME_ERROR, request_id, PARTITION_ANY, error, text, 0);
    frame_set_view(&outlet->out, mark, shard_view_byte(shard));
    outlet_changed(outlet);
}

static void session_refuse(const struct session *session, enum error error, const char *text)
{
    refuse(session->shard, session->outlet, session->frame->header.request_id, error, text);
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

// A query that can stand; NULL: it was answered with an error.
static struct query *standing_compile(const struct session *session, struct bytes text)
{
    struct query *query = subscriptions_compile(session->shard, text, session->outlet,
                                                session->frame->header.request_id);
    if (query && query_limit(query) != 0) {
        session_refuse(session, ERROR_QUERY, "a continuous query has no LIMIT");
        query_free(query);
        return NULL;
    }
    return query;
}

static struct buffer *answer_out(const struct session *session)
{
    outlet_changed(session->outlet);
    return &session->outlet->out;
}

// ---- SUBSCRIBE, UNSUBSCRIBE, FOLLOW ----

static void subscribe(const struct session *session)
{
    struct subscribe subscribe;
    enum error error = subscribe_decode(session->frame->body, &subscribe);
    if (error != ERROR_NONE) {
        session_refuse(session, error, "SUBSCRIBE: malformed, or an option is out of range");
        return;
    }
    struct query *query = standing_compile(session, subscribe.query);
    if (!query)
        return;
    if (!*session->reader)
        *session->reader = reader_new(session->shard->watches, session->outlet, session->client);
    char text[384] = "";
    error = reader_subscribe(*session->reader, session->frame->header.request_id, query, &subscribe,
                             text, sizeof text);
    query_free(query);
    if (error != ERROR_NONE)
        session_refuse(session, error, text);
}

static void unsubscribe(const struct session *session)
{
    uint32_t subscription;
    enum error error = unsubscribe_decode(session->frame->body, &subscription);
    if (error == ERROR_NONE)
        error = *session->reader ? reader_unsubscribe(*session->reader, subscription)
                                 : ERROR_UNKNOWN_SUBSCRIPTION;
    if (error != ERROR_NONE)
        session_refuse(session, error, "UNSUBSCRIBE: no such subscription on this connection");
    else
        marks_encode(answer_out(session), FRAME_REPLY, session->frame->header.request_id, NULL, 0);
}

static void follow(const struct session *session)
{
    struct follow follow;
    enum error error = follow_decode(session->frame->body, &follow);
    if (error == ERROR_NONE && !*session->reader)
        error = ERROR_UNKNOWN_SUBSCRIPTION;
    if (error != ERROR_NONE) {
        session_refuse(session, error, "FOLLOW: malformed, or nothing is subscribed");
        return;
    }
    // Each mark takes at least three bytes.
    struct mark *refused = memory_new_array(follow.marks.size / 3, sizeof *refused);
    uint32_t count = 0;
    error = reader_follow(*session->reader, &follow, refused, &count);
    if (error != ERROR_NONE) {
        session_refuse(session, error, "FOLLOW: no such subscription, or too many at a time");
    } else {
        marks_encode(answer_out(session), FRAME_REPLY, session->frame->header.request_id, refused,
                     count);
        reader_tell(*session->reader);
    }
    free(refused);
}

// ---- EXPLAIN, SUBSCRIPTIONS ----

static const char *const access_names[] = {
    [ACCESS_ALL] = "all",
    [ACCESS_NEVER] = "never",
    [ACCESS_KEYED] = "keyed",
    [ACCESS_ALWAYS] = "always",
};

static const char *const policy_names[] = {
    [POLICY_CATCH_UP] = "catchup",
    [POLICY_CONFLATE] = "conflate",
    [POLICY_DISCONNECT] = "disconnect",
};

enum { EXPLANATION_PAIRS = 4 };

static void explanation_write(struct buffer *out, const struct explanation *explanation)
{
    write_text(out, "class");
    write_text(out, access_names[explanation->access]);
    write_text(out, "key");
    write_text(out, explanation->key);
    write_text(out, "candidates");
    write_float(out, explanation->candidates);
    write_text(out, "hit_share");
    write_float(out, explanation->hit_share);
}

static void explain(const struct session *session)
{
    struct bytes text;
    enum error error = explain_decode(session->frame->body, &text);
    if (error != ERROR_NONE) {
        session_refuse(session, error, "EXPLAIN: malformed");
        return;
    }
    struct query *query = standing_compile(session, text);
    if (!query)
        return;
    struct explanation explanation;
    struct buffer object = {0};
    watches_explain(session->shard->watches, query, &explanation);
    query_free(query);
    write_map(&object, EXPLANATION_PAIRS);
    explanation_write(&object, &explanation);
    reply_encode_object(answer_out(session), session->frame->header.request_id,
                        buffer_bytes(&object));
    buffer_deinit(&object);
}

struct listing {
    const struct shard *shard;
    struct buffer *out;
};

static void description_write(void *context, const struct watch_description *description)
{
    enum { PAIRS = 8 };
    const struct listing *listing = context;
    struct buffer *out = listing->out;
    write_map(out, PAIRS + EXPLANATION_PAIRS);
    write_text(out, "worker");
    write_uint(out, listing->shard->options.number);
    write_text(out, "client");
    write_text(out, description->client);
    write_text(out, "id");
    write_uint(out, description->id);
    write_text(out, "query");
    write_text(out, description->text);
    explanation_write(out, &description->explanation);
    write_text(out, "policy");
    write_text(out, policy_names[description->policy]);
    write_text(out, "state");
    write_text(out, description->state);
    write_text(out, "behind");
    write_uint(out, description->behind_count);
    write_text(out, "events");
    write_uint(out, description->event_count);
}

static void list(const struct session *session)
{
    uint32_t skip;
    uint32_t limit;
    enum error error = subscriptions_decode(session->frame->body, &skip, &limit);
    if (error == ERROR_NONE && limit > LISTED_MAX)
        error = ERROR_INVALID_ARGUMENT;
    if (error != ERROR_NONE) {
        session_refuse(session, error, "SUBSCRIPTIONS: malformed, or a limit above 10000");
        return;
    }
    struct buffer rows = {0};
    struct listing listing = {session->shard, &rows};
    uint64_t total =
        watches_describe(session->shard->watches, skip, limit, description_write, &listing);
    uint64_t count = total > skip ? total - skip : 0;
    struct buffer object = {0};
    write_array(&object, 2);
    write_uint(&object, total);
    write_array(&object, count < limit ? (uint32_t)count : limit);
    write_object(&object, buffer_bytes(&rows));
    reply_encode_object(answer_out(session), session->frame->header.request_id,
                        buffer_bytes(&object));
    buffer_deinit(&object);
    buffer_deinit(&rows);
}

// ---- Border ----

bool subscriptions_take(uint8_t frame_kind)
{
    return frame_kind >= FRAME_SUBSCRIBE && frame_kind <= FRAME_SUBSCRIPTIONS;
}

void subscriptions_frame(struct shard *shard, struct outlet *outlet, const struct frame *frame,
                         const char *client, struct reader **reader)
{
    const struct session session = {shard, outlet, frame, client, reader};
    bool may_serve = shard->view && shard_has_lease(shard);
    if (!may_serve && frame->header.kind != FRAME_UNSUBSCRIBE) {
        session_refuse(&session, ERROR_NO_QUORUM,
                       "this node has no contact to a majority of the grid");
        return;
    }
    switch (frame->header.kind) {
    case FRAME_SUBSCRIBE:
        subscribe(&session);
        break;
    case FRAME_UNSUBSCRIBE:
        unsubscribe(&session);
        break;
    case FRAME_FOLLOW:
        follow(&session);
        break;
    case FRAME_EXPLAIN:
        explain(&session);
        break;
    default:
        CHECK(frame->header.kind == FRAME_SUBSCRIPTIONS);
        list(&session);
        break;
    }
}
