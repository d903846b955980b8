// SPDX-License-Identifier: Apache-2.0
#include "bench/lane.h"

#include "bench/handshake.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

static void slots_init(struct lane *lane)
{
    lane->slots = memory_new_array(lane->depth, sizeof *lane->slots);
    lane->free_slots = memory_new_array(lane->depth, sizeof *lane->free_slots);
    lane->order = memory_new_array(lane->depth, sizeof *lane->order);
    for (uint32_t i = 0; i < lane->depth; i++)
        lane->free_slots[i] = lane->depth - 1 - i;
}

bool lane_open(struct lane *lane, const struct settings *settings,
               const struct destinations *destinations, uint16_t group,
               char reason[static REASON_BYTES])
{
    const struct destination *peer = &destinations->groups[group];
    *lane = (struct lane){
        .group = group,
        .driver = settings->protocol == PROTOCOL_RESP ? &driver_resp : &driver_native,
        .partition_count = destinations->partition_count,
        .depth = settings->depth > LANE_LOAD_DEPTH ? (uint32_t)settings->depth : LANE_LOAD_DEPTH,
    };
    lane->limit = lane->depth;
    slots_init(lane);
    lane->fd = handshake_connect(peer->host, peer->port, reason);
    if (lane->fd < 0)
        return false;
    if (lane->driver->greet && !lane->driver->greet(lane->fd, peer->worker, reason))
        return false;
    int flags = fcntl(lane->fd, F_GETFL);
    CHECK(flags >= 0 && fcntl(lane->fd, F_SETFL, flags | O_NONBLOCK) == 0);
    return true;
}

void lane_close(struct lane *lane)
{
    if (lane->fd >= 0)
        close(lane->fd);
    lane->fd = -1;
    free(lane->slots);
    free(lane->free_slots);
    free(lane->order);
    lane->slots = NULL;
    lane->free_slots = lane->order = NULL;
    buffer_deinit(&lane->in);
    buffer_deinit(&lane->out);
}

void lane_submit(struct lane *lane, const struct operation *operation,
                 const struct request *request)
{
    CHECK(lane->in_flight < lane->depth);
    uint32_t number = lane->free_slots[lane->depth - lane->in_flight - 1];
    lane->order[(lane->order_start + lane->in_flight) % lane->depth] = number;
    lane->in_flight++;
    lane->slots[number] =
        (struct slot){.operation = *operation, .kind = request->kind, .under_way = true};
    lane->driver->request_encode(&lane->out, number, request, lane->partition_count);
}

bool lane_flush(struct lane *lane, char reason[static REASON_BYTES])
{
    struct bytes bytes = buffer_bytes(&lane->out);
    lane->wants_write = false;
    if (bytes.size == 0)
        return true;
    ssize_t sent = send(lane->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
        return reason_set(reason, "send: %s", strerror(errno));
    if (sent > 0)
        buffer_consume(&lane->out, (size_t)sent);
    lane->wants_write = buffer_size(&lane->out) > 0;
    return true;
}

// Frees the slot that the reply answers; false when none is under way under that number.
static bool slot_take(struct lane *lane, uint32_t number, struct slot *slot)
{
    if (lane->in_flight == 0)
        return false;
    if (number == SLOT_OLDEST) {
        number = lane->order[lane->order_start];
        lane->order_start = (lane->order_start + 1) % lane->depth;
    }
    if (!lane->slots[number].under_way)
        return false;
    *slot = lane->slots[number];
    lane->slots[number].under_way = false;
    lane->in_flight--;
    lane->free_slots[lane->depth - lane->in_flight - 1] = number;
    return true;
}

// Calls back for each whole reply; *used: bytes of `input` that they took.
static bool replies_take(struct lane *lane, struct bytes input, size_t *used,
                         lane_reply_fn *callback, void *context, char *reason)
{
    *used = 0;
    while (true) {
        struct driver_reply reply;
        struct slot slot;
        struct bytes rest = bytes_of(input.data + *used, input.size - *used);
        switch (lane->driver->reply_parse(rest, lane->slots, lane->depth, &reply)) {
        case DRIVER_INCOMPLETE:
            return true;
        case DRIVER_INVALID:
            return reason_set(reason, "the server's answer is malformed");
        case DRIVER_REPLY:
            break;
        }
        if (!slot_take(lane, reply.slot, &slot))
            return reason_set(reason, "the server answered what was not asked");
        *used += reply.wire_bytes;
        callback(context, lane, &slot, &reply);
    }
}

bool lane_read(struct lane *lane, uint8_t *scratch, size_t scratch_bytes, lane_reply_fn *callback,
               void *context, char reason[static REASON_BYTES])
{
    // Replies are parsed where they were received unless one began in an earlier read.
    bool begun = buffer_size(&lane->in) > 0;
    uint8_t *target = begun ? buffer_reserve(&lane->in, scratch_bytes) : scratch;
    ssize_t received = recv(lane->fd, target, scratch_bytes, 0);
    if (received == 0)
        return reason_set(reason, "the server closed a connection");
    if (received < 0)
        return errno == EAGAIN || errno == EINTR ||
               reason_set(reason, "receive: %s", strerror(errno));
    size_t used;
    if (begun) {
        buffer_advance(&lane->in, (size_t)received);
        if (!replies_take(lane, buffer_bytes(&lane->in), &used, callback, context, reason))
            return false;
        buffer_consume(&lane->in, used);
        return true;
    }
    struct bytes input = bytes_of(scratch, (size_t)received);
    if (!replies_take(lane, input, &used, callback, context, reason))
        return false;
    buffer_append(&lane->in, input.data + used, input.size - used);
    return true;
}
