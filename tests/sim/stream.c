// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/stream.h"

#include "cluster/base/units.h"

enum {
    OPEN_TIMEOUT_US = 2 * US_PER_S,
    STALL_TIMEOUT_MIN_US = 1500 * US_PER_MS, // until unacknowledged bytes break a stream
    STALL_TIMEOUT_SPREAD_US = 3 * US_PER_S,
    RETRY_FIRST_US = 100 * US_PER_MS, // of what could not pass; doubles
    RETRY_MAX_US = 3 * US_PER_S,
    ORPHAN_FACTOR = 4,            // what a closed end has written is tried for so many times longer
    KEEP_ALIVE_US = 5 * US_PER_S, // until an idle end finds that the other one is dead
};

enum segment_kind { SEGMENT_OPEN = 0, SEGMENT_OPENED, SEGMENT_DATA, SEGMENT_CLOSE };

struct segment {
    struct list link;
    enum segment_kind kind;
    uint64_t at_us; // when it arrives, if the path lets it pass
    size_t size;
    uint8_t data[];
};

// From end i to end 1 - i.
struct direction {
    struct list segments;      // in order
    uint64_t last_at_us;       // of the segment sent last
    uint64_t stalled_since_us; // something is not acknowledged since then; 0: nothing
    uint64_t retry_us;
    size_t data_bytes; // of the segments
    bool is_short;     // a write was cut short
    bool is_planned;   // an event stands, at planned_us
    uint64_t planned_us;
    uint64_t plan_number;        // of that event; others are void
    bool is_acknowledgement_due; // it was delivered, and the way back was cut
};

struct stream {
    struct network *network; // borrowed
    struct list link;
    uint64_t number;
    struct greeting greeting;
    uint32_t hosts[2];
    struct port *ports[2]; // borrowed; NULL: closed at this end
    bool is_broken[2];     // this end's owner will be told
    bool is_opened;
    uint64_t stall_timeout_us;
    struct direction directions[2];
};

static void direction_run(void *context, uint64_t argument);

static uint64_t now_us(const struct stream *stream)
{
    return stream->network->timeline->now_us;
}

// ---- The end of a stream ----

static struct port *port_detach(struct stream *stream, uint32_t end)
{
    struct port *port = stream->ports[end];
    stream->ports[end] = NULL;
    if (port)
        port->stream = NULL;
    return port;
}

static void break_run(void *context, uint64_t end)
{
    struct stream *stream = context;
    if (network_postpone(stream->network, stream->hosts[end], break_run, context, end))
        return;
    struct port *port = port_detach(stream, (uint32_t)end);
    if (port)
        port->closed(port);
}

// This end finds the stream broken, and its owner hears of it.
static void end_break(struct stream *stream, uint32_t end, uint64_t delay_us)
{
    if (!stream->ports[end] || stream->is_broken[end])
        return;
    stream->is_broken[end] = true;
    timeline_plan(stream->network->timeline, now_us(stream) + delay_us, break_run, stream, end);
}

// ---- Segments ----

// The earliest of what was planned counts; events of later ones find themselves replaced.
static void direction_plan(struct stream *stream, uint32_t end, uint64_t at_us)
{
    struct direction *direction = &stream->directions[end];
    if (direction->is_planned && direction->planned_us <= at_us)
        return;
    direction->is_planned = true;
    direction->planned_us = at_us;
    direction->plan_number++;
    timeline_plan(stream->network->timeline, at_us, direction_run, stream,
                  direction->plan_number << 1 | end);
}

static void segment_send(struct stream *stream, uint32_t end, enum segment_kind kind,
                         struct bytes data)
{
    struct direction *direction = &stream->directions[end];
    struct segment *segment = memory_new(sizeof *segment + data.size);
    segment->kind = kind;
    segment->size = data.size;
    if (data.size > 0)
        memcpy(segment->data, data.data, data.size);
    direction->data_bytes += data.size;
    segment->at_us = now_us(stream) +
                     network_delay_us(stream->network, stream->hosts[end], stream->hosts[1 - end]);
    if (segment->at_us < direction->last_at_us)
        segment->at_us = direction->last_at_us;
    direction->last_at_us = segment->at_us;
    list_append(&direction->segments, &segment->link);
    direction_plan(stream, end, segment->at_us);
}

static void segments_drop(struct direction *direction)
{
    struct list *link;
    while ((link = list_pop(&direction->segments)) != NULL)
        free(LIST_ENTRY(link, struct segment, link));
    direction->data_bytes = 0;
}

static void drained_run(void *context, uint64_t end)
{
    struct stream *stream = context;
    if (network_postpone(stream->network, stream->hosts[end], drained_run, context, end))
        return;
    struct port *port = stream->ports[end];
    stream->directions[end].is_short = false;
    if (port && !stream->is_broken[end])
        port->drained(port);
}

static void arrive_open(struct stream *stream)
{
    const struct host *host = &stream->network->hosts[stream->hosts[1]];
    struct port *port = host->accept(host->context, &stream->greeting);
    if (!port) {
        segment_send(stream, 1, SEGMENT_CLOSE, bytes_of(NULL, 0));
        return;
    }
    port->stream = stream;
    port->end = 1;
    stream->ports[1] = port;
    segment_send(stream, 1, SEGMENT_OPENED, bytes_of(NULL, 0));
}

static void arrive(struct stream *stream, uint32_t end, const struct segment *segment)
{
    uint32_t to = 1 - end;
    struct network *network = stream->network;
    trace_note(network->trace, now_us(stream), "segment", stream->hosts[end], stream->hosts[to],
               stream->number << 32 | (uint64_t)segment->kind << 24 | segment->size);
    struct port *port = stream->ports[to];
    switch (segment->kind) {
    case SEGMENT_OPEN:
        arrive_open(stream);
        break;
    case SEGMENT_OPENED:
        stream->is_opened = true;
        if (port)
            port->opened(port);
        break;
    case SEGMENT_DATA:
        if (port && !stream->is_broken[to])
            port->received(port, bytes_of(segment->data, segment->size));
        else // nobody is there: a reset comes back
            end_break(stream, end,
                      network_delay_us(network, stream->hosts[to], stream->hosts[end]));
        break;
    case SEGMENT_CLOSE:
        end_break(stream, to, 0);
        break;
    }
}

// ---- Delivery ----

// The path has not let the first segment, or its acknowledgement, pass for too long.
static void direction_give_up(struct stream *stream, uint32_t end)
{
    struct direction *direction = &stream->directions[end];
    bool was_owned = stream->ports[end] && !stream->is_broken[end];
    direction->stalled_since_us = 0;
    direction->is_acknowledgement_due = false;
    segments_drop(direction);
    if (was_owned) {
        end_break(stream, end, 0);
        segment_send(stream, end, SEGMENT_CLOSE, bytes_of(NULL, 0));
    } else { // the other end's keep-alive gets no answer either
        end_break(stream, 1 - end, 0);
    }
}

static void direction_retry(struct stream *stream, uint32_t end)
{
    struct direction *direction = &stream->directions[end];
    uint64_t after_us = direction->retry_us;
    direction->retry_us = 2 * after_us > RETRY_MAX_US ? RETRY_MAX_US : 2 * after_us;
    direction_plan(stream, end, now_us(stream) + after_us);
}

static void direction_stall(struct stream *stream, uint32_t end)
{
    struct direction *direction = &stream->directions[end];
    if (direction->stalled_since_us == 0)
        direction->stalled_since_us = now_us(stream);
    uint64_t timeout_us = stream->stall_timeout_us * (stream->ports[end] ? 1 : ORPHAN_FACTOR);
    if (now_us(stream) - direction->stalled_since_us > timeout_us)
        direction_give_up(stream, end);
    else
        direction_retry(stream, end);
}

// The first segment arrives. Its acknowledgement may not come back.
static void direction_deliver(struct stream *stream, uint32_t end, bool is_open_back)
{
    struct direction *direction = &stream->directions[end];
    struct segment *segment = LIST_ENTRY(list_pop(&direction->segments), struct segment, link);
    direction->is_acknowledgement_due = !is_open_back;
    if (is_open_back) {
        direction->stalled_since_us = 0;
        direction->retry_us = RETRY_FIRST_US;
    }
    direction->data_bytes -= segment->size;
    if (direction->is_short && segment->size > 0)
        timeline_plan(stream->network->timeline,
                      now_us(stream) + network_delay_us(stream->network, stream->hosts[1 - end],
                                                        stream->hosts[end]),
                      drained_run, stream, end);
    arrive(stream, end, segment);
    free(segment);
}

static const struct segment *segment_first(const struct direction *direction)
{
    return list_is_empty(&direction->segments)
               ? NULL
               : LIST_ENTRY(direction->segments.next, struct segment, link);
}

static void direction_run(void *context, uint64_t argument)
{
    struct stream *stream = context;
    uint32_t end = (uint32_t)(argument & 1);
    struct direction *direction = &stream->directions[end];
    const struct network *network = stream->network;
    if (direction->plan_number != argument >> 1)
        return;
    direction->is_planned = false;
    if (!stream->ports[0] && !stream->ports[1])
        segments_drop(direction);
    bool is_open = network_passes(network, stream->hosts[end], stream->hosts[1 - end]);
    bool is_open_back = !network->paths[stream->hosts[1 - end]][stream->hosts[end]].is_cut;
    uint64_t awake_us = network->hosts[stream->hosts[1 - end]].paused_until_us;
    if (is_open && is_open_back)
        direction->is_acknowledgement_due = false;
    const struct segment *first = segment_first(direction);
    if (first && is_open && awake_us > now_us(stream)) {
        direction_plan(stream, end, awake_us);
        return;
    }
    if (first && is_open && first->at_us <= now_us(stream))
        direction_deliver(stream, end, is_open_back);
    first = segment_first(direction);
    if ((first && !is_open) || direction->is_acknowledgement_due)
        direction_stall(stream, end);
    else
        direction->stalled_since_us = 0;
    first = segment_first(direction);
    if (first && is_open)
        direction_plan(stream, end, first->at_us);
}

// ---- What owners do ----

static void open_timeout_run(void *context, uint64_t argument)
{
    (void)argument;
    struct stream *stream = context;
    if (!stream->is_opened)
        end_break(stream, 0, 0);
}

void stream_open(struct network *network, uint32_t to, struct port *port,
                 const struct greeting *greeting)
{
    CHECK(port->stream == NULL);
    struct stream *stream = memory_new(sizeof *stream);
    stream->network = network;
    stream->number = network->stream_count++;
    stream->greeting = *greeting;
    stream->hosts[0] = greeting->host;
    stream->hosts[1] = to;
    stream->stall_timeout_us =
        STALL_TIMEOUT_MIN_US + random_below(&network->random, STALL_TIMEOUT_SPREAD_US);
    for (uint32_t end = 0; end < 2; end++) {
        stream->directions[end].retry_us = RETRY_FIRST_US;
        list_init(&stream->directions[end].segments);
    }
    list_append(&network->streams, &stream->link);
    stream->ports[0] = port;
    port->stream = stream;
    port->end = 0;
    segment_send(stream, 0, SEGMENT_OPEN, bytes_of(NULL, 0));
    timeline_plan(network->timeline, now_us(stream) + OPEN_TIMEOUT_US, open_timeout_run, stream, 0);
}

size_t stream_write(struct port *port, struct bytes data)
{
    struct stream *stream = port->stream;
    if (!stream || stream->is_broken[port->end] || data.size == 0)
        return data.size;
    struct direction *direction = &stream->directions[port->end];
    size_t window_bytes = stream->greeting.window_bytes;
    size_t taken = data.size;
    if (window_bytes != 0 && taken > window_bytes - direction->data_bytes) {
        taken = window_bytes - direction->data_bytes;
        direction->is_short = true;
    }
    if (taken > 0)
        segment_send(stream, port->end, SEGMENT_DATA, bytes_of(data.data, taken));
    return taken;
}

void stream_close(struct port *port)
{
    struct stream *stream = port->stream;
    if (!stream)
        return;
    port_detach(stream, port->end);
    segment_send(stream, port->end, SEGMENT_CLOSE, bytes_of(NULL, 0));
}

void stream_abort(struct port *port)
{
    struct stream *stream = port->stream;
    if (!stream)
        return;
    uint32_t end = port->end;
    struct direction *direction = &stream->directions[end];
    // What is stalled has not left yet; the rest is on its way.
    if (!network_passes(stream->network, stream->hosts[end], stream->hosts[1 - end]))
        segments_drop(direction);
    stream_close(port);
}

static void keep_alive_run(void *context, uint64_t end)
{
    struct stream *stream = context;
    end_break(stream, (uint32_t)end, 0);
}

void streams_crash(struct network *network, uint32_t host, bool is_silent)
{
    for (struct list *link = network->streams.next; link != &network->streams; link = link->next) {
        struct stream *stream = LIST_ENTRY(link, struct stream, link);
        for (uint32_t end = 0; end < 2; end++) {
            if (stream->hosts[end] != host || !stream->ports[end])
                continue;
            port_detach(stream, end);
            if (is_silent)
                timeline_plan(network->timeline, network->timeline->now_us + KEEP_ALIVE_US,
                              keep_alive_run, stream, 1 - end);
            else
                segment_send(stream, end, SEGMENT_CLOSE, bytes_of(NULL, 0));
        }
    }
}

void streams_free(struct network *network)
{
    struct list *link;
    while ((link = list_pop(&network->streams)) != NULL) {
        struct stream *stream = LIST_ENTRY(link, struct stream, link);
        segments_drop(&stream->directions[0]);
        segments_drop(&stream->directions[1]);
        free(stream);
    }
}
