// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/client.h"

#include "cluster/base/units.h"
#include "cluster/wire/message_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/view_codec.h"
#include "cluster/wire/writer.h"
#include "tests/sim/world.h"

enum {
    THINK_US = 250 * US_PER_MS,    // at most, between operations
    ATTEMPT_US = 1200 * US_PER_MS, // until an answer is not waited for any more
    CONNECT_US = 400 * US_PER_MS,
    PATIENCE_MIN_US = 2 * US_PER_S, // until an operation is given up
    PATIENCE_SPREAD_US = 8 * US_PER_S,
    PATIENCE_WHOLE_US = 10 * US_PER_S,
    BACK_OFF_US = 100 * US_PER_MS,
    VIEW_EVERY_US = 100 * US_PER_MS,
    TTL_MAX_MS = 2000,
    VIEW_REQUEST = 1 << 30, // request ids from here on ask for views
};

static void client_step(struct client *client, enum client_state state)
{
    client->state = state;
    client->step++;
}

static void client_plan(struct client *client, uint64_t after_us,
                        void (*run)(void *context, uint64_t argument))
{
    timeline_plan(&client->world->timeline, world_now_us(client->world) + after_us, run, client,
                  client->step);
}

static uint64_t draw(struct client *client, uint64_t bound)
{
    return random_below(&client->world->random, bound);
}

static void attempt_run(void *context, uint64_t step);
static void think_run(void *context, uint64_t step);

// ---- Links ----

static void link_drop(struct client_link *link)
{
    // A close would go on sending for minutes: an attempt could arrive long after its retry was
    // answered, and be taken for a new operation.
    if (link->client->world->has_orphans)
        stream_close(&link->port);
    else
        stream_abort(&link->port);
    link->is_up = false;
    buffer_clear(&link->in);
    buffer_clear(&link->out);
}

static void client_try_again(struct client *client, uint64_t after_us)
{
    client_step(client, CLIENT_TRYING);
    client->attempt++;
    client->world->tally.retries++;
    client_plan(client, after_us, attempt_run);
}

static void on_opened(struct port *port)
{
    struct client_link *link = LIST_ENTRY(port, struct client_link, port);
    link->is_up = true;
    stream_write(port, buffer_bytes(&link->out));
    buffer_clear(&link->out);
}

static void view_ask_any(struct client *client);

static void on_closed(struct port *port)
{
    struct client_link *link = LIST_ENTRY(port, struct client_link, port);
    struct client *client = link->client;
    bool was_up = link->is_up;
    link_drop(link);
    if (client->state != CLIENT_ASKED || link != &client->links[client->slot][client->worker])
        return;
    // What never left has no effect.
    client->may_have_applied = client->may_have_applied || was_up;
    view_ask_any(client);
    client_try_again(client, 1 + draw(client, BACK_OFF_US));
}

static void link_write(struct client *client, uint32_t slot, uint16_t worker, uint64_t member_id,
                       const struct buffer *out)
{
    struct client_link *link = &client->links[slot][worker];
    if (link->port.stream && member_id != 0 && link->member_id != member_id)
        link_drop(link); // another node is at this address now
    if (!link->port.stream) {
        struct greeting greeting = {.role = STREAM_CLIENT,
                                    .host = client->host,
                                    .worker = worker,
                                    .id = client->id,
                                    .wanted_id = member_id};
        link->member_id = member_id;
        stream_open(&client->world->network, slot, &link->port, &greeting);
    }
    if (link->is_up)
        stream_write(&link->port, buffer_bytes(out));
    else
        buffer_append(&link->out, out->data + out->start, buffer_size(out));
}

// ---- The view ----

static void view_ask(struct client *client, uint32_t slot)
{
    uint64_t now_us = world_now_us(client->world);
    if (client->view_asked_us != 0 && now_us - client->view_asked_us < VIEW_EVERY_US)
        return;
    client->view_asked_us = now_us;
    struct buffer out = {0};
    request_encode_empty(&out, FRAME_VIEW, VIEW_REQUEST);
    link_write(client, slot, 0,
               client->links[slot][0].port.stream ? client->links[slot][0].member_id : 0, &out);
    buffer_deinit(&out);
}

static void view_ask_any(struct client *client)
{
    view_ask(client, (uint32_t)draw(client, client->world->plan.machine_count));
}

static void view_received(struct client *client, const struct frame *frame)
{
    struct view view;
    if (frame->header.kind != FRAME_REPLY)
        return;
    if (view_decode(frame->body, &view) != ERROR_NONE) {
        world_fail(client->world, "a view cannot be decoded");
        return;
    }
    if (view.version > client->view.version) {
        view_deinit(&client->view);
        client->view = view;
    } else {
        view_deinit(&view);
    }
}

// ---- The operation ----

static void operation_send(struct client *client, uint64_t member_id)
{
    const struct deed *deed = &client->deed;
    uint8_t key;
    struct buffer value = {0};
    struct op op = {.kind = deed->kind,
                    .condition = deed->condition,
                    .map = bytes_of_text("m"),
                    .key = key_encode(deed->key, &key),
                    .version = deed->version,
                    .ttl_ms = deed->ttl_ms,
                    .number = client->op_number,
                    .floor = client->op_number,
                    .is_retry = client->op_number != 0 && client->attempt > 0};
    if (deed->kind == OP_INCREMENT)
        write_int(&value, deed->input);
    else if (op_is_write(deed->kind) && deed->kind != OP_REMOVE && deed->kind != OP_TOUCH &&
             deed->kind != OP_CLEAR)
        document_write(&value, deed->key, deed->input);
    op.value = buffer_bytes(&value);
    op.hash = key_hash(op.key);
    op.partition = deed->kind == OP_CLEAR ? PARTITION_ANY
                                          : key_partition(op.hash, client->view.partition_count);
    if (op.is_retry)
        op.age_ms = (world_now_us(client->world) - deed->called_us) / US_PER_MS;
    struct buffer out = {0};
    op_encode(&out, ++client->request_id, &op);
    // An attempt that is cut short by its machine's death may have been applied.
    link_write(client, client->slot, client->worker, member_id, &out);
    buffer_deinit(&out);
    buffer_deinit(&value);
}

static void client_finish(struct client *client)
{
    client_step(client, CLIENT_IDLE);
    client_plan(client, 1 + draw(client, THINK_US), think_run);
}

static void operation_give_up(struct client *client)
{
    struct deed *deed = &client->deed;
    if (client->must_succeed && !observer_key_is_lost(&client->world->observer, deed->key))
        world_fail(client->world, "client %u: no answer for key %u though the grid is whole",
                   client->number, deed->key);
    if (op_is_write(deed->kind) && client->may_have_applied) {
        client->world->tally.unknown++;
        deed->returned_us = UINT64_MAX;
        if (deed->kind != OP_CLEAR)
            history_add(&client->world->history, deed);
    } else {
        client->world->tally.refused++;
    }
    trace_write(&client->world->trace, world_now_us(client->world),
                "client %u gives up: key %u operation %d%s", client->number, deed->key, deed->kind,
                client->may_have_applied ? ", may have been applied" : "");
    client_finish(client);
}

// The machine does not let us in: what was written never left.
static void connect_timeout_run(void *context, uint64_t step)
{
    struct client *client = context;
    struct client_link *link = &client->links[client->slot][client->worker];
    if (client->step != step || link->is_up)
        return;
    link_drop(link);
    view_ask_any(client);
    client_try_again(client, 1 + draw(client, BACK_OFF_US));
}

static void attempt_timeout_run(void *context, uint64_t step)
{
    struct client *client = context;
    if (client->step != step)
        return;
    client->may_have_applied = true;
    link_drop(&client->links[client->slot][client->worker]);
    view_ask_any(client);
    client_try_again(client, 1);
}

static void attempt_run(void *context, uint64_t step)
{
    struct client *client = context;
    if (client->step != step)
        return;
    if (world_now_us(client->world) >= client->deadline_us) {
        operation_give_up(client);
        return;
    }
    uint16_t primary = VIEW_NO_MEMBER;
    uint16_t partition = 0;
    if (client->view.version > 0) {
        partition = key_home(client->deed.key, client->view.partition_count);
        primary = view_primary(&client->view, partition);
    }
    if (primary == VIEW_NO_MEMBER) {
        view_ask_any(client);
        client_try_again(client, 1 + draw(client, BACK_OFF_US));
        return;
    }
    const struct view_member *member = &client->view.members[primary];
    client->slot = (uint32_t)(member->name[1] - '0');
    client->worker = (uint16_t)(partition % client->world->plan.shard_count);
    client_step(client, CLIENT_ASKED);
    client_plan(client, ATTEMPT_US, attempt_timeout_run);
    client_plan(client, CONNECT_US, connect_timeout_run);
    operation_send(client, member->id);
}

// ---- Answers ----

static void operation_answered(struct client *client, const struct op_reply *reply)
{
    struct deed *deed = &client->deed;
    deed->returned_us = world_now_us(client->world);
    deed->error = reply->error;
    deed->found = reply->found;
    deed->out_version = reply->version;
    struct document document;
    deed->has_output = reply->value.data != NULL && document_read(reply->value, &document);
    deed->output = deed->has_output ? document.number : 0;
    if (deed->kind != OP_CLEAR) {
        client->last_versions[deed->key] = reply->version;
        history_add(&client->world->history, deed);
    }
    client->world->tally.operations++;
    char text[256];
    deed_print(deed, text, sizeof text);
    trace_write(&client->world->trace, world_now_us(client->world), "%s", text);
    client_finish(client);
}

static void answer_received(struct client *client, const struct frame *frame)
{
    struct op_reply reply;
    if (reply_decode(client->deed.kind, frame, &reply) != ERROR_NONE) {
        world_fail(client->world, "an answer cannot be decoded");
        return;
    }
    switch ((int)reply.error) {
    case ERROR_NONE:
    case ERROR_EXISTS:
    case ERROR_VERSION_MISMATCH:
        operation_answered(client, &reply);
        return;
    case ERROR_INDETERMINATE:
    case ERROR_TIMEOUT:
        client->may_have_applied = true;
        break;
    case ERROR_NOT_OWNER:
    case ERROR_NO_QUORUM:
    case ERROR_TOO_FEW_COPIES:
    case ERROR_OVERLOADED:
    case ERROR_PARTITION_LOST:
        break;
    default:
        world_fail(client->world, "client %u is answered %s: %.*s", client->number,
                   error_name(reply.error), (int)reply.text.size, (const char *)reply.text.data);
    }
    trace_note(&client->world->trace, world_now_us(client->world), error_name(reply.error),
               client->slot, client->host, client->request_id);
    view_ask_any(client);
    client_try_again(client, 1 + draw(client, BACK_OFF_US));
}

static void on_received(struct port *port, struct bytes data)
{
    struct client_link *link = LIST_ENTRY(port, struct client_link, port);
    struct client *client = link->client;
    struct frame frame;
    enum error error;
    buffer_append(&link->in, data.data, data.size);
    while (frame_parse(buffer_bytes(&link->in), EVENT_BODY_BYTES_MAX, &frame, &error) ==
           FRAME_COMPLETE) {
        size_t size = FRAME_HEADER_BYTES + frame.body.size;
        if (frame.header.request_id == VIEW_REQUEST) {
            view_received(client, &frame);
        } else {
            if (frame.header.view != (uint8_t)client->view.version)
                view_ask_any(client);
            if (client->state == CLIENT_ASKED && frame.header.request_id == client->request_id)
                answer_received(client, &frame);
        }
        if (buffer_size(&link->in) < size)
            break; // the link was dropped
        buffer_consume(&link->in, size);
    }
}

// ---- What it does ----

// As long as faults may come: afterwards operations must succeed, and at the end nothing moves.
static bool deed_choose_rare(struct client *client, struct deed *deed)
{
    const struct plan *plan = &client->world->plan;
    if (client->world->phase != PHASE_FAULTS || draw(client, 1000) >= plan->clears_per_mille)
        return false;
    deed->kind = OP_CLEAR;
    return true;
}

static void deed_choose_terms(struct client *client, struct deed *deed)
{
    const struct plan *plan = &client->world->plan;
    bool may_expire =
        deed->kind == OP_PUT || deed->kind == OP_GET_AND_PUT || deed->kind == OP_TOUCH;
    if (may_expire && client->world->phase == PHASE_FAULTS &&
        draw(client, 1000) < plan->expiring_per_mille)
        deed->ttl_ms = 1 + (uint32_t)draw(client, TTL_MAX_MS);
    if (deed->kind != OP_PUT)
        return;
    uint64_t choice = draw(client, 4);
    if (choice == 0) {
        deed->condition = CONDITION_IF_ABSENT;
    } else if (choice == 1 && client->last_versions[deed->key] != 0) {
        deed->condition = CONDITION_IF_VERSION;
        deed->version = client->last_versions[deed->key];
    }
}

static void deed_choose(struct client *client, struct deed *deed)
{
    static const enum op_kind kinds[] = {OP_GET,    OP_GET,   OP_GET,   OP_PUT,
                                         OP_PUT,    OP_PUT,   OP_MERGE, OP_GET_AND_PUT,
                                         OP_REMOVE, OP_TOUCH, OP_PUT,   OP_GET_AND_PUT};
    if (deed_choose_rare(client, deed))
        return;
    deed->kind = kinds[draw(client, sizeof kinds / sizeof *kinds)];
    if (key_is_counter(deed->key)) // on which nothing hides a second increment
        deed->kind = draw(client, 4) == 0 ? OP_GET : OP_INCREMENT;
    deed->input = deed->kind == OP_INCREMENT
                      ? 1 + (int64_t)draw(client, 3)
                      : (int64_t)(client->write_count << 8 | client->number) + 1000;
    deed_choose_terms(client, deed);
}

// What it may have removed, at any time from now on: its answer, if there is one, says too little.
static void clear_add(struct client *client)
{
    const struct plan *plan = &client->world->plan;
    const struct deed *deed = &client->deed;
    uint32_t worker = key_home(deed->key, plan->partition_count) % plan->shard_count;
    for (uint32_t key = 0; key < plan->key_count; key++) {
        struct deed removal = {.client = client->number,
                               .key = key,
                               .kind = OP_REMOVE,
                               .called_us = deed->called_us,
                               .returned_us = UINT64_MAX};
        if (key_home(key, plan->partition_count) % plan->shard_count == worker)
            history_add(&client->world->history, &removal);
    }
}

static void expiry_add(struct client *client)
{
    struct deed *deed = &client->deed;
    struct deed expiry = {.client = client->number,
                          .key = deed->key,
                          .called_us = deed->called_us,
                          .returned_us = UINT64_MAX};
    expiry.expiry = deed->expiry = client->op_number << 8 | client->number;
    history_add(&client->world->history, &expiry);
}

static void operation_begin(struct client *client, uint64_t patience_us)
{
    client->deed.client = client->number;
    client->deed.called_us = world_now_us(client->world);
    bool is_numbered = op_is_write(client->deed.kind) && client->deed.kind != OP_CLEAR;
    client->op_number = is_numbered ? ++client->write_count : 0;
    if (client->deed.kind == OP_CLEAR)
        clear_add(client);
    if (client->deed.ttl_ms != 0)
        expiry_add(client);
    client->attempt = 0;
    client->may_have_applied = false;
    client->must_succeed = client->world->phase >= PHASE_WHOLE;
    client->deadline_us = client->deed.called_us + patience_us;
    client_step(client, CLIENT_TRYING);
    attempt_run(client, client->step);
}

static void think_run(void *context, uint64_t step)
{
    struct client *client = context;
    if (client->step != step)
        return;
    if (client->world->phase >= PHASE_LAST) {
        client_step(client, CLIENT_STOPPED);
        return;
    }
    client->deed = (struct deed){.key = (uint32_t)draw(client, client->world->plan.key_count)};
    deed_choose(client, &client->deed);
    uint64_t patience_us = PATIENCE_MIN_US + draw(client, PATIENCE_SPREAD_US);
    if (client->deed.kind == OP_CLEAR)
        patience_us = 1; // one attempt
    operation_begin(client, client->world->phase >= PHASE_WHOLE ? PATIENCE_WHOLE_US : patience_us);
}

bool client_stop(struct client *client)
{
    if (client->state == CLIENT_IDLE)
        client_step(client, CLIENT_STOPPED);
    return client->state == CLIENT_STOPPED;
}

void client_read_last(struct client *client, uint32_t key)
{
    CHECK(client->state == CLIENT_STOPPED);
    client->deed = (struct deed){.key = key, .kind = OP_GET};
    operation_begin(client, PATIENCE_WHOLE_US);
}

void client_start(struct client *client, struct world *world, uint32_t number)
{
    *client = (struct client){.world = world, .number = number, .host = MACHINES_MAX + number};
    client->id = world_new_id(world);
    world->network.hosts[client->host].is_up = true;
    for (uint32_t slot = 0; slot < MACHINES_MAX; slot++) {
        for (uint32_t worker = 0; worker < SHARDS_MAX; worker++) {
            struct client_link *link = &client->links[slot][worker];
            link->client = client;
            link->port.opened = on_opened;
            link->port.received = on_received;
            link->port.closed = on_closed;
        }
    }
    client_finish(client);
}

void client_deinit(struct client *client)
{
    for (uint32_t slot = 0; slot < MACHINES_MAX; slot++) {
        for (uint32_t worker = 0; worker < SHARDS_MAX; worker++) {
            buffer_deinit(&client->links[slot][worker].in);
            buffer_deinit(&client->links[slot][worker].out);
        }
    }
    view_deinit(&client->view);
}
