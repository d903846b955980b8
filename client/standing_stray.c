// SPDX-License-Identifier: Apache-2.0
// Courses that a node runs for subscriptions which went on elsewhere: the partition was routed away
// while its snapshot or replay was under way, or not even begun. Should the partition come back to
// this link, the node would tell those subscriptions something else than the joined ones, so they
// are sent back to them: FOLLOW from now on.
#include "client/standing_core.h"
#include "cluster/wire/event_codec.h"
#include "cluster/wire/op_codec.h"

struct stray {
    uint32_t number; // of the subscription
    uint32_t partition;
};

static uint32_t strays_count(const struct client_standing_link *link)
{
    return (uint32_t)(buffer_size(&link->strays) / sizeof(struct stray));
}

static struct stray stray_at(const struct client_standing_link *link, uint32_t at)
{
    struct stray stray;
    memcpy(&stray, buffer_bytes(&link->strays).data + at * sizeof stray, sizeof stray);
    return stray;
}

void standing_stray_add(struct client_standing_link *link, uint32_t number, uint16_t partition)
{
    struct stray stray = {.number = number, .partition = partition};
    buffer_append(&link->strays, &stray, sizeof stray);
    standing_want_turn(link->standing);
}

static void stray_remove(struct client_standing_link *link, uint32_t at)
{
    uint8_t *first = link->strays.data + link->strays.start;
    memmove(first + sizeof(struct stray), first, at * sizeof(struct stray));
    buffer_consume(&link->strays, sizeof(struct stray));
}

void standing_strays_send(struct client_standing_link *link, uint64_t *wake_ms)
{
    struct client_standing *standing = link->standing;
    if (link->stray_ms > standing->now_ms && link->stray_count < strays_count(link)) {
        *wake_ms = link->stray_ms < *wake_ms ? link->stray_ms : *wake_ms;
        return;
    }
    while (link->stray_count < strays_count(link)) {
        struct stray stray = stray_at(link, link->stray_count);
        if (!standing_is_registered(link, stray.number)) {
            stray_remove(link, link->stray_count); // its UNSUBSCRIBE ends the course
            continue;
        }
        struct buffer *out = standing->host.out(standing->host.context, link);
        if (!out)
            return;
        struct mark mark = {.partition = (uint16_t)stray.partition, .seq = FOLLOW_LATEST_SEQ};
        follow_encode(out, client_id_of(CLIENT_FOLLOW, stray.number),
                      client_id_of(CLIENT_SUBSCRIBE, stray.number), &mark, 1);
        link->stray_count++;
    }
}

const char *standing_stray_answer(struct client_standing_link *link, const struct frame *frame)
{
    struct op_reply reply = {0};
    uint32_t number = client_id_number(frame->header.request_id);
    uint32_t at = 0;
    if (frame->header.kind == FRAME_ERROR && reply_decode(OP_NONE, frame, &reply) != ERROR_NONE)
        return "the node's answer to FOLLOW is malformed";
    while (at < link->stray_count && stray_at(link, at).number != number)
        at++;
    if (at == link->stray_count)
        return "the node answered a FOLLOW that was not sent";
    struct stray stray = stray_at(link, at);
    stray_remove(link, at);
    link->stray_count--;
    standing_want_turn(link->standing);
    if (reply.error == ERROR_NONE || reply.error == ERROR_UNKNOWN_SUBSCRIPTION)
        return NULL;
    link->stray_ms = link->standing->now_ms + CLIENT_REFUSED_MS;
    standing_stray_add(link, stray.number, (uint16_t)stray.partition);
    return NULL;
}
