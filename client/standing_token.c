// SPDX-License-Identifier: Apache-2.0
// A resume token: where a subscription stands in each partition.
//
//   byte    version
//   u64     id of the grid
//   u64     hash of the query
//   varint  number of partitions
//   runs of partitions: varint length, varint 0 (void) or epoch + 1, then, unless void, as many
//           varints: seq
//   u64     checksum of all that
//
// Little-endian; varints as of LEB128. The checksum guards against mistakes, not against malice: a
// forged token can only make the subscriber miss or repeat changes of its own.
#include "client/standing_core.h"
#include "cluster/wire/event_codec.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    TOKEN_VERSION = 1,
    TOKEN_HEAD_BYTES = 1 + 8 + 8,
    TOKEN_SUM_BYTES = 8,
    VARINT_BYTES_MAX = 10,
};

static const uint64_t token_seed = UINT64_C(0x6e6f7767726964); // "nowgrid"

static uint64_t query_hash(const struct grid_subscription *subscription)
{
    return XXH3_64bits(subscription->query, subscription->query_bytes);
}

// ---- Writing ----

static void u64_write(struct buffer *out, uint64_t value)
{
    uint8_t bytes[sizeof value];
    for (size_t i = 0; i < sizeof value; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    buffer_append(out, bytes, sizeof bytes);
}

static void varint_write(struct buffer *out, uint64_t value)
{
    uint8_t *at = buffer_reserve(out, VARINT_BYTES_MAX);
    size_t size = 0;
    while (value >= 0x80) {
        at[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[size++] = (uint8_t)value;
    buffer_advance(out, size);
}

static bool audience_has(struct audience audience, uint32_t id)
{
    uint32_t one;
    while (standing_audience_step(&audience, &one)) {
        if (one == id)
            return true;
    }
    return false;
}

// Whether the event of the frame that is being told was told to this subscription; *mark is then
// after it.
static bool event_was_told(const struct grid_subscription *subscription, const struct event *event,
                           uint16_t number, struct standing_mark *mark)
{
    const struct standing_telling *telling = &subscription->standing->telling;
    uint32_t id = client_id_of(CLIENT_SUBSCRIBE, subscription->number);
    bool is_now = event == telling->current;
    if (event->kind == FRAME_ROW || event->is_replay || event->partition != number ||
        !audience_has(event->audience, id) ||
        (is_now && (telling->id == id || audience_has(telling->left, id))))
        return false;
    *mark = (struct standing_mark){event->epoch, event->seq};
    return true;
}

// A joined subscription may have heard more than the partition's position says, as long as its
// frame is being told. False: of merged changes only all together make sense.
static bool told_mark(const struct grid_subscription *subscription, uint16_t number,
                      struct standing_mark *mark)
{
    const struct standing_telling *telling = &subscription->standing->telling;
    struct standing_mark told = {0};
    struct bytes frames = telling->earlier;
    struct frame frame;
    struct event event;
    bool was_told = false;
    while (telling->is_batch && standing_batch_step(&frames, &frame)) {
        bool is_event = frame.header.kind >= FRAME_ENTER && frame.header.kind <= FRAME_LEAVE;
        if (is_event && event_decode(&frame, &event) == ERROR_NONE)
            was_told |= event_was_told(subscription, &event, number, &told);
    }
    if (telling->current)
        was_told |= event_was_told(subscription, telling->current, number, &told);
    if (!was_told || told.seq <= mark->seq)
        return true;
    *mark = told;
    return !telling->is_batch || subscription->policy != GRID_POLICY_CONFLATE;
}

// False: it is void, or nothing was told.
static bool place_mark(const struct grid_subscription *subscription, uint16_t number,
                       struct standing_mark *mark)
{
    const struct standing_partition *partition = &subscription->standing->partitions[number];
    enum standing_place place = standing_place_of(subscription, number);
    if (place == PLACE_JOINED) {
        *mark = partition->position;
        return partition->knowledge == KNOWLEDGE_POSITION && !partition->is_resetting &&
               told_mark(subscription, number, mark);
    }
    if (place != PLACE_HELD && place != PLACE_REPLAYING)
        return false;
    *mark = subscription->journey->own[number];
    return true;
}

// Partitions from `first` on that stand under the same epoch, or are all void.
static uint32_t run_write(const struct grid_subscription *subscription, uint32_t first,
                          struct buffer *out, bool *is_known)
{
    const uint32_t count = subscription->standing->partition_count;
    struct standing_mark mark = {0};
    struct standing_mark next = {0};
    bool is_void = !place_mark(subscription, (uint16_t)first, &mark);
    uint32_t end = first + 1;
    while (end < count && place_mark(subscription, (uint16_t)end, &next) == !is_void &&
           (is_void || next.epoch == mark.epoch))
        end++;
    varint_write(out, end - first);
    varint_write(out, is_void ? 0 : mark.epoch + 1);
    for (uint32_t i = first; !is_void && i < end; i++) {
        (void)place_mark(subscription, (uint16_t)i, &next);
        varint_write(out, next.seq);
    }
    *is_known |= !is_void;
    return end;
}

bool standing_token_encode(const struct grid_subscription *subscription, struct buffer *out)
{
    const struct client_standing *standing = subscription->standing;
    size_t before = buffer_size(out);
    uint8_t version = TOKEN_VERSION;
    bool is_known = false;
    buffer_append(out, &version, 1);
    u64_write(out, standing->grid_id);
    u64_write(out, query_hash(subscription));
    varint_write(out, standing->partition_count);
    for (uint32_t i = 0; i < standing->partition_count;)
        i = run_write(subscription, i, out, &is_known);
    struct bytes all = buffer_bytes(out);
    u64_write(out, XXH3_64bits_withSeed(all.data + before, all.size - before, token_seed));
    return is_known;
}

// ---- Reading ----

static uint64_t u64_read(const uint8_t *at)
{
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof value; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static bool varint_read(struct bytes *left, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX && i < left->size; i++) {
        *value |= (uint64_t)(left->data[i] & 0x7f) << (7 * i);
        if (left->data[i] & 0x80)
            continue;
        *left = bytes_of(left->data + i + 1, left->size - i - 1);
        return true;
    }
    return false;
}

static bool run_read(struct grid_subscription *subscription, struct bytes *left, uint32_t *number)
{
    const uint32_t count = subscription->standing->partition_count;
    uint64_t length, epoch, seq;
    if (!varint_read(left, &length) || !varint_read(left, &epoch) || length == 0 ||
        length > count - *number)
        return false;
    for (uint32_t end = *number + (uint32_t)length; *number < end; (*number)++) {
        if (epoch == 0) {
            standing_place_set(subscription, (uint16_t)*number, PLACE_VOID);
            continue;
        }
        // The last seqs have meanings of their own in FOLLOW.
        if (!varint_read(left, &seq) || seq >= STANDING_NOWHERE.seq)
            return false;
        standing_own_set(standing_journey_of(subscription), (uint16_t)*number, epoch - 1, seq);
        standing_place_set(subscription, (uint16_t)*number, PLACE_HELD);
    }
    return true;
}

static enum error refuse(const char **why, const char *text, enum error error)
{
    *why = text;
    return error;
}

static enum error head_check(const struct grid_subscription *subscription, struct bytes token,
                             const char **why)
{
    if (token.size == 0)
        return refuse(why, "the token is empty", ERROR_INVALID_ARGUMENT);
    if (token.data[0] != TOKEN_VERSION)
        return refuse(why, "the token is of another version, or none at all",
                      ERROR_INVALID_ARGUMENT);
    if (token.size < TOKEN_HEAD_BYTES + TOKEN_SUM_BYTES)
        return refuse(why, "the token is cut off", ERROR_INVALID_ARGUMENT);
    size_t size = token.size - TOKEN_SUM_BYTES;
    if (u64_read(token.data + size) != XXH3_64bits_withSeed(token.data, size, token_seed))
        return refuse(why, "the token is cut off, damaged or forged: its checksum is wrong",
                      ERROR_INVALID_ARGUMENT);
    if (u64_read(token.data + 1) != subscription->standing->grid_id)
        return refuse(why, "the token is of another grid", ERROR_WRONG_GRID);
    if (u64_read(token.data + 1 + 8) != query_hash(subscription))
        return refuse(why, "the token is of another query", ERROR_INVALID_ARGUMENT);
    return ERROR_NONE;
}

enum error standing_token_begin(struct grid_subscription *subscription, const char **why)
{
    struct bytes token = bytes_of(subscription->token->data, subscription->token->size);
    enum error error = head_check(subscription, token, why);
    if (error != ERROR_NONE)
        return error;
    struct bytes left =
        bytes_of(token.data + TOKEN_HEAD_BYTES, token.size - TOKEN_HEAD_BYTES - TOKEN_SUM_BYTES);
    uint64_t count;
    if (!varint_read(&left, &count) || count != subscription->standing->partition_count)
        return refuse(why, "the token is of another number of partitions", ERROR_INVALID_ARGUMENT);
    uint32_t number = 0;
    bool is_read = true;
    while (is_read && number < count)
        is_read = run_read(subscription, &left, &number);
    if (!is_read || left.size > 0)
        return refuse(why, "the token is malformed", ERROR_INVALID_ARGUMENT);
    free(subscription->token);
    subscription->token = NULL;
    return ERROR_NONE;
}

// ---- For the caller ----

enum grid_error grid_subscription_token(struct grid_subscription *subscription,
                                        struct grid_bytes *token)
{
    struct client_standing *standing = subscription->standing;
    const struct standing_token *kept = subscription->token;
    *token = (struct grid_bytes){0};
    if (kept) { // where it ended, or still is to begin
        *token = (struct grid_bytes){kept->data, kept->size};
        return GRID_OK;
    }
    buffer_clear(&standing->token);
    if (standing->partition_count == 0 || subscription->is_ended ||
        !standing_token_encode(subscription, &standing->token))
        return GRID_NOT_FOUND;
    struct bytes bytes = buffer_bytes(&standing->token);
    *token = (struct grid_bytes){bytes.data, bytes.size};
    return GRID_OK;
}
