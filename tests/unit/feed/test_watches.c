// SPDX-License-Identifier: Apache-2.0
// The promise of continuous queries, on one worker, by a client that follows docs/protocol.md to
// the letter: whatever is written, however late commits come, outlets fill, logs are dropped,
// connections break between any two frames and partitions come and go, each subscription has
// exactly what its query selects at its position, and each change came once, in order, of the right
// kind.
#include "node/feed/watches.h"

#include "cluster/base/memory.h"
#include "cluster/wire/cursor.h"
#include "cluster/wire/event_codec.h"
#include "tests/unit/feed/feed_world.h"

#include <criterion/criterion.h>

enum { SUBSCRIPTIONS = 8, STEPS = 6000 };

struct template
{
    const char *text;
    int from; // its entries have at least this value
    enum content content;
    enum policy policy;
    enum start start;
};

static const struct template templates[] = {
    {"SELECT * FROM m", 0, CONTENT_OLD_AND_NEW, POLICY_CATCH_UP, START_SNAPSHOT},
    {"SELECT * FROM m WHERE v >= 50", 50, CONTENT_OLD_AND_NEW, POLICY_CATCH_UP, START_SNAPSHOT},
    {"SELECT v FROM m WHERE v >= 50", 50, CONTENT_NEW, POLICY_CATCH_UP, START_SNAPSHOT},
    {"SELECT v FROM m WHERE v >= 90", 90, CONTENT_OLD_AND_NEW, POLICY_CONFLATE, START_SNAPSHOT},
    {"SELECT * FROM m WHERE v >= 70", 70, CONTENT_KEYS, POLICY_CATCH_UP, START_LATEST},
    {"SELECT * FROM m WHERE v >= 20", 20, CONTENT_NEW, POLICY_CATCH_UP, START_EARLIEST},
};

struct place {
    bool is_joined;    // the common position counts
    bool is_reset;     // with all that were joined: not READY yet
    bool is_known;     // there is a position of its own
    uint64_t seq;      // its own
    uint64_t last_seq; // of the last event
};

struct subscription {
    const struct template *template; // NULL: none
    bool is_asked;
    bool is_registered;
    bool has_rows; // `held` is what it was told
    struct place places[FEED_PARTITIONS];
    int held[FEED_KEYS];
};

struct client {
    struct feed_world world;
    struct outlet outlet;
    struct reader *reader;
    struct buffer in;
    struct subscription subscriptions[SUBSCRIPTIONS];
    bool is_followed[FEED_PARTITIONS];
    struct mark positions[FEED_PARTITIONS]; // the common ones
    bool has_position[FEED_PARTITIONS];
    uint64_t event_count;
    uint64_t reset_count;
    uint64_t batch_count;
    uint64_t replay_count;
    uint64_t resume_count;
    uint64_t ended_count;
};

static bool selects(const struct subscription *subscription, int value)
{
    return value >= subscription->template->from;
}

// ---- What it must be ----

// What the subscription holds of the partition is what the query selects after effect seq.
static void held_check(const struct client *client, const struct subscription *subscription,
                       uint16_t partition, uint64_t seq)
{
    if (!subscription->has_rows)
        return;
    for (uint32_t key = 0; key < FEED_KEYS; key++) {
        if (client->world.partition_of[key] != partition)
            continue;
        int value = feed_value_at(&client->world, key, seq);
        int expected = selects(subscription, value) ? value : FEED_NONE;
        cr_assert_eq(subscription->held[key], expected, "key %u at seq %lu: %d instead of %d", key,
                     seq, subscription->held[key], expected);
    }
}

static bool concerns(const struct subscription *subscription, const struct feed_effect *effect)
{
    return selects(subscription, effect->old_value) || selects(subscription, effect->new_value);
}

// Nothing that matters lies between two positions.
static void gap_check(const struct client *client, const struct subscription *subscription,
                      uint16_t partition, uint64_t after, uint64_t before)
{
    if (subscription->template->policy == POLICY_CONFLATE)
        return;
    for (uint64_t seq = after + 1; seq < before; seq++)
        cr_assert_not(concerns(subscription, &client->world.partitions[partition].effects[seq]),
                      "effect %lu of partition %u, between %lu and %lu, was not told to %s", seq,
                      partition, after, before, subscription->template->text);
}

// ---- Frames ----

static int value_of(struct bytes document)
{
    struct cursor cursor = cursor_of(document);
    uint32_t pairs;
    struct bytes name;
    int64_t value;
    cr_assert(cursor_read_map(&cursor, &pairs) && cursor_read_str(&cursor, &name) &&
              cursor_read_int(&cursor, &value));
    return (int)value;
}

static uint32_t key_of(struct bytes key)
{
    struct cursor cursor = cursor_of(key);
    uint64_t number;
    cr_assert(cursor_read_uint(&cursor, &number));
    return (uint32_t)number;
}

static void rows_forget(const struct client *client, struct subscription *subscription,
                        uint16_t partition)
{
    for (uint32_t key = 0; key < FEED_KEYS; key++) {
        if (client->world.partition_of[key] == partition)
            subscription->held[key] = FEED_NONE;
    }
}

static void row_take(const struct client *client, struct subscription *subscription,
                     const struct event *event)
{
    uint32_t key = key_of(event->key);
    cr_assert_not(subscription->places[event->partition].is_joined, "a row after READY");
    cr_assert_eq(subscription->held[key], FEED_NONE, "key %u comes as a row twice", key);
    cr_assert_leq(event->seq, client->world.partitions[event->partition].source.committed_seq);
    const struct feed_effect *effect =
        &client->world.partitions[event->partition].effects[event->seq];
    cr_assert_eq(effect->key, key);
    cr_assert(selects(subscription, effect->new_value));
    if (event->has_new)
        cr_assert_eq(value_of(event->new_value), effect->new_value);
    subscription->held[key] = effect->new_value;
}

static void kind_check(const struct subscription *subscription, const struct event *event,
                       const struct feed_effect *effect)
{
    bool was = selects(subscription, effect->old_value);
    bool is = selects(subscription, effect->new_value);
    if (subscription->template->policy == POLICY_CONFLATE)
        was = subscription->held[effect->key] != FEED_NONE;
    uint8_t expected = is ? (was ? FRAME_UPDATE : FRAME_ENTER) : FRAME_LEAVE;
    cr_assert_eq(event->kind, expected, "effect %lu: kind %x", event->seq, event->kind);
    if (subscription->has_rows) {
        cr_assert_eq(subscription->held[effect->key] != FEED_NONE, was,
                     "effect %lu of partition %u (%d to %d) to %s, which holds %d%s", event->seq,
                     event->partition, effect->old_value, effect->new_value,
                     subscription->template->text, subscription->held[effect->key],
                     event->is_replay ? " (replay)" : "");
        if (event->has_old && was)
            cr_assert_eq(value_of(event->old_value), subscription->held[effect->key]);
    }
    if (event->has_new)
        cr_assert_eq(value_of(event->new_value), effect->new_value);
}

static void change_take(struct client *client, struct subscription *subscription,
                        const struct event *event)
{
    uint16_t partition = event->partition;
    struct place *place = &subscription->places[partition];
    const struct feed_effect *effect = &client->world.partitions[partition].effects[event->seq];
    cr_assert_leq(event->seq, client->world.partitions[partition].source.committed_seq);
    cr_assert_eq(effect->key, key_of(event->key));
    cr_assert_eq(effect->epoch, event->epoch);
    cr_assert_gt(event->seq, place->last_seq, "effect %lu after %lu", event->seq, place->last_seq);
    if (event->is_replay) {
        cr_assert_not(place->is_joined);
        if (place->is_known)
            gap_check(client, subscription, partition, place->seq, event->seq);
        place->is_known = true;
        place->seq = event->seq;
        client->replay_count++;
    } else if (place->is_joined && client->has_position[partition]) {
        gap_check(client, subscription, partition, client->positions[partition].seq, event->seq);
    }
    kind_check(subscription, event, effect);
    place->last_seq = event->seq;
    subscription->held[effect->key] =
        selects(subscription, effect->new_value) ? effect->new_value : FEED_NONE;
    client->event_count++;
}

static struct subscription *subscription_of(struct client *client, uint32_t id)
{
    cr_assert(id >= 1 && id <= SUBSCRIPTIONS);
    struct subscription *subscription = &client->subscriptions[id - 1];
    cr_assert_not_null(subscription->template);
    return subscription;
}

static void position_move(struct client *client, struct mark mark)
{
    client->positions[mark.partition] = mark;
    client->has_position[mark.partition] = true;
}

static void event_take(struct client *client, const struct frame *frame)
{
    struct event event;
    cr_assert_eq(event_decode(frame, &event), ERROR_NONE);
    struct bytes ids = event.audience.ids;
    uint32_t id = event.audience.subscription;
    bool more = ids.size == 0 || audience_next(&ids, &id);
    for (; more; more = audience_next(&ids, &id)) {
        if (event.kind == FRAME_ROW)
            row_take(client, subscription_of(client, id), &event);
        else
            change_take(client, subscription_of(client, id), &event);
    }
    if (event.kind != FRAME_ROW && !event.is_replay)
        position_move(client, (struct mark){event.partition, event.epoch, event.seq});
}

static void ready_take(struct client *client, struct subscription *subscription, uint16_t partition)
{
    struct place *place = &subscription->places[partition];
    cr_assert(client->has_position[partition]);
    if (place->is_joined)
        return;
    place->is_joined = true;
    held_check(client, subscription, partition, client->positions[partition].seq);
}

static void reset_take(struct client *client, struct subscription *subscription, uint16_t partition)
{
    struct place *place = &subscription->places[partition];
    place->is_joined = false;
    place->last_seq = 0;
    rows_forget(client, subscription, partition);
    client->reset_count++;
}

static void milestone_apply(struct client *client, struct subscription *subscription,
                            const struct milestone *milestone, uint8_t kind)
{
    struct bytes marks = milestone->marks;
    struct mark mark;
    if (marks.size == 0) {
        for (uint16_t p = 0; p < FEED_PARTITIONS; p++) {
            if (client->is_followed[p])
                ready_take(client, subscription, p);
        }
    }
    while (mark_next(&marks, &mark)) {
        if (kind == FRAME_READY)
            ready_take(client, subscription, mark.partition);
        else
            reset_take(client, subscription, mark.partition);
    }
}

// A RESET of all concerns those that are joined, its READY those that it has reset: the model marks
// them.
static void milestone_apply_joined(struct client *client, struct subscription *subscription,
                                   const struct milestone *milestone, uint8_t kind)
{
    struct bytes marks = milestone->marks;
    struct mark mark;
    if (!subscription->template || !subscription->is_registered)
        return;
    while (mark_next(&marks, &mark)) {
        struct place *place = &subscription->places[mark.partition];
        if (kind == FRAME_RESET && place->is_joined) {
            reset_take(client, subscription, mark.partition);
            place->is_reset = true;
        } else if (kind == FRAME_READY && place->is_reset) {
            place->is_reset = false;
            ready_take(client, subscription, mark.partition);
        }
    }
}

static void milestone_take(struct client *client, const struct frame *frame)
{
    struct milestone milestone;
    uint8_t kind = frame->header.kind;
    cr_assert_eq(milestone_decode(frame, &milestone), ERROR_NONE);
    struct bytes ids = milestone.audience.ids;
    uint32_t id = milestone.audience.subscription;
    if (ids.size == 0 && id == SUBSCRIPTIONS_JOINED) {
        for (uint32_t i = 0; i < SUBSCRIPTIONS; i++)
            milestone_apply_joined(client, &client->subscriptions[i], &milestone, kind);
        return;
    }
    bool more = ids.size == 0 || audience_next(&ids, &id);
    for (; more; more = audience_next(&ids, &id))
        milestone_apply(client, subscription_of(client, id), &milestone, kind);
}

static void subscribed_take(struct client *client, uint32_t id)
{
    if (id > SUBSCRIPTIONS) // FOLLOW
        return;
    struct subscription *subscription = subscription_of(client, id);
    subscription->is_registered = true;
    for (uint16_t p = 0; p < FEED_PARTITIONS; p++) {
        if (subscription->is_asked && subscription->template->start == START_LATEST &&
            client->is_followed[p])
            subscription->places[p].is_joined = true;
    }
    subscription->is_asked = false;
}

static void frames_take(struct client *client, struct bytes input, uint32_t count);

static void frame_take(struct client *client, const struct frame *frame)
{
    struct progress progress;
    struct bytes marks;
    struct mark mark;
    switch (frame->header.kind) {
    case FRAME_REPLY:
        subscribed_take(client, frame->header.request_id);
        break;
    case FRAME_PROGRESS:
        cr_assert_eq(progress_decode(frame->body, &progress), ERROR_NONE);
        while (mark_next(&progress.marks, &mark)) {
            client->is_followed[mark.partition] = true;
            position_move(client, mark);
        }
        break;
    case FRAME_MOVED:
        cr_assert_eq(marks_decode(frame->body, &marks), ERROR_NONE);
        while (mark_next(&marks, &mark)) {
            client->is_followed[mark.partition] = false;
            if (mark.epoch != 0 || mark.seq != 0)
                position_move(client, mark);
        }
        break;
    case FRAME_READY:
    case FRAME_RESET:
        milestone_take(client, frame);
        break;
    case FRAME_BATCH:
        client->batch_count++;
        cr_assert_eq(batch_decode(frame->body, &marks), ERROR_NONE);
        frames_take(client, marks, UINT32_MAX);
        break;
    default:
        event_take(client, frame);
    }
}

static void frames_take(struct client *client, struct bytes input, uint32_t count)
{
    struct frame frame;
    enum error error;
    while (count-- > 0 && frame_parse(input, UINT32_MAX, &frame, &error) == FRAME_COMPLETE) {
        frame_take(client, &frame);
        size_t taken = FRAME_HEADER_BYTES + frame.body.size;
        input = bytes_of(input.data + taken, input.size - taken);
    }
}

// ---- The client ----

static void outlet_note(struct outlet *outlet)
{
    (void)outlet;
}

static void query_subscribe(struct client *client, uint32_t id, enum start start)
{
    const struct template *template = client->subscriptions[id - 1].template;
    struct query_error error;
    char text[256];
    struct query *query = query_new(bytes_of_text(template->text), &error);
    cr_assert_not_null(query);
    struct subscribe options = {.start = start,
                                .content = template->content,
                                .policy = template->policy,
                                .kinds = KINDS_ALL,
                                .causes = CAUSES_ALL};
    cr_assert_eq(reader_subscribe(client->reader, id, query, &options, text, sizeof text),
                 ERROR_NONE);
    query_free(query);
}

static void marks_follow(struct client *client, uint32_t subscription, const struct mark *marks,
                         uint32_t count)
{
    struct buffer out = {0};
    struct follow follow;
    struct frame frame;
    enum error error;
    struct mark refused[FEED_PARTITIONS];
    uint32_t refused_count;
    follow_encode(&out, 1000, subscription, marks, count);
    cr_assert_eq(frame_parse(buffer_bytes(&out), UINT32_MAX, &frame, &error), FRAME_COMPLETE);
    cr_assert_eq(follow_decode(frame.body, &follow), ERROR_NONE);
    cr_assert_eq(reader_follow(client->reader, &follow, refused, &refused_count), ERROR_NONE);
    cr_assert_eq(refused_count, 0);
    reader_tell(client->reader);
    buffer_deinit(&out);
}

// Goes on in a partition: first those that are not joined, then all others.
static void partition_follow(struct client *client, uint16_t partition)
{
    for (uint32_t i = 0; i < SUBSCRIPTIONS; i++) {
        struct subscription *subscription = &client->subscriptions[i];
        if (!subscription->template || subscription->places[partition].is_joined)
            continue;
        struct place *place = &subscription->places[partition];
        struct mark mark = {.partition = partition};
        if (place->is_known) {
            mark.seq = place->seq;
            mark.epoch = client->world.partitions[partition].effects[place->seq].epoch;
        } else if (subscription->template->start == START_LATEST && !place->is_reset) {
            mark.seq = FOLLOW_LATEST_SEQ;
            place->is_joined = true;
        } else {
            rows_forget(client, subscription, partition);
            *place = (struct place){0};
        }
        marks_follow(client, i + 1, &mark, 1);
    }
    struct mark mark = client->positions[partition];
    mark.partition = partition;
    if (!client->has_position[partition])
        mark.seq = FOLLOW_LATEST_SEQ;
    marks_follow(client, SUBSCRIPTIONS_JOINED, &mark, 1);
    client->is_followed[partition] = true;
    client->resume_count++;
}

static void client_connect(struct client *client)
{
    client->outlet.limit_bytes = 500 + random_below(&client->world.random, 20000);
    client->reader = reader_new(client->world.watches, &client->outlet, "test");
    bool is_any = false;
    for (uint32_t i = 0; i < SUBSCRIPTIONS; i++) {
        struct subscription *subscription = &client->subscriptions[i];
        if (!subscription->template)
            continue;
        subscription->is_asked = false;
        query_subscribe(client, i + 1, START_NONE);
        is_any = true;
    }
    for (uint16_t p = 0; p < FEED_PARTITIONS && is_any; p++) {
        if (client->world.partitions[p].is_led)
            partition_follow(client, p);
    }
}

// What is on its way is lost behind a whole frame.
static void client_break(struct client *client)
{
    reader_free(client->reader);
    buffer_append(&client->in, client->outlet.out.data + client->outlet.out.start,
                  buffer_size(&client->outlet.out));
    frames_take(client, buffer_bytes(&client->in),
                (uint32_t)random_below(&client->world.random, 10));
    buffer_clear(&client->in);
    buffer_clear(&client->outlet.out);
    memset(client->is_followed, 0, sizeof client->is_followed);
    client_connect(client);
}

static void client_read(struct client *client, bool all)
{
    size_t size = buffer_size(&client->outlet.out);
    size_t count = all ? size : random_below(&client->world.random, size + 1);
    buffer_append(&client->in, client->outlet.out.data + client->outlet.out.start, count);
    buffer_consume(&client->outlet.out, count);
    struct frame frame;
    enum error error;
    while (frame_parse(buffer_bytes(&client->in), UINT32_MAX, &frame, &error) == FRAME_COMPLETE) {
        frame_take(client, &frame);
        buffer_consume(&client->in, FRAME_HEADER_BYTES + frame.body.size);
    }
}

static void client_subscribe(struct client *client)
{
    uint32_t place = (uint32_t)random_below(&client->world.random, SUBSCRIPTIONS);
    struct subscription *subscription = &client->subscriptions[place];
    if (subscription->template) {
        // UNSUBSCRIBE; what is on its way for it must be gone before the id is used again.
        cr_assert_eq(reader_unsubscribe(client->reader, place + 1), ERROR_NONE);
        client_read(client, true);
        subscription->template = NULL;
        return;
    }
    client_read(client, true);
    for (uint16_t p = 0; p < FEED_PARTITIONS; p++)
        if (client->world.partitions[p].is_led && !client->is_followed[p])
            return; // partitions that are not followed are the resume's business
    *subscription = (struct subscription){
        .template =
            &templates[random_below(&client->world.random, sizeof templates / sizeof *templates)],
        .is_asked = true};
    subscription->has_rows = subscription->template->start == START_SNAPSHOT;
    for (uint32_t key = 0; key < FEED_KEYS; key++)
        subscription->held[key] = FEED_NONE;
    query_subscribe(client, place + 1, subscription->template->start);
}

static void work(struct client *client, uint32_t turns)
{
    while (turns-- > 0 && watches_work(client->world.watches))
        ;
}

static void client_lead(struct client *client)
{
    uint16_t partition = (uint16_t)random_below(&client->world.random, FEED_PARTITIONS);
    if (client->world.partitions[partition].is_led) {
        feed_world_yield(&client->world, partition);
        return;
    }
    client_read(client, true);
    feed_world_lead(&client->world, partition);
    partition_follow(client, partition);
}

static void step(struct client *client)
{
    struct feed_world *world = &client->world;
    uint64_t choice = random_below(&world->random, 1000);
    if (choice < 600)
        feed_world_write(world);
    else if (choice < 800)
        feed_world_commit(world, (uint16_t)random_below(&world->random, FEED_PARTITIONS),
                          random_below(&world->random, 2) == 0);
    else if (choice < 900)
        work(client, 1 + (uint32_t)random_below(&world->random, 3));
    else if (choice < 960)
        client_read(client, random_below(&world->random, 3) == 0);
    else if (choice < 985)
        client_subscribe(client);
    else if (choice < 990)
        client_break(client);
    else if (choice < 995)
        watches_progress(world->watches);
    else
        client_lead(client);
}

// Everything is committed and read: every subscription has exactly what its query selects.
static void quiet_check(struct client *client)
{
    struct feed_world *world = &client->world;
    for (uint16_t p = 0; p < FEED_PARTITIONS; p++) {
        if (!world->partitions[p].is_led) {
            client_read(client, true);
            feed_world_lead(world, p);
            partition_follow(client, p);
        }
        feed_world_commit(world, p, true);
    }
    for (uint32_t i = 0; i < 10000; i++) {
        watches_work(world->watches);
        client_read(client, true);
    }
    watches_progress(world->watches);
    client_read(client, true);
    for (uint32_t i = 0; i < SUBSCRIPTIONS; i++) {
        const struct subscription *subscription = &client->subscriptions[i];
        for (uint16_t p = 0; subscription->template && p < FEED_PARTITIONS; p++) {
            uint64_t last_seq = partition_last_seq(world->partitions[p].source.partition);
            cr_assert(subscription->places[p].is_joined, "subscription %u, partition %u", i + 1, p);
            cr_assert_eq(client->positions[p].seq, last_seq);
            held_check(client, subscription, p, last_seq);
        }
    }
}

static void story_run(uint64_t seed, struct client *client)
{
    *client = (struct client){.outlet = {.changed = outlet_note}};
    feed_world_init(&client->world, seed, seed % 3 == 0 ? 1 << 20 : 1 << 13);
    client_connect(client);
    for (uint32_t i = 0; i < STEPS; i++)
        step(client);
    quiet_check(client);
    reader_free(client->reader);
    buffer_deinit(&client->outlet.out);
    buffer_deinit(&client->in);
    feed_world_deinit(&client->world);
}

Test(watches, keep_the_promise_whatever_happens)
{
    struct client *client = memory_new(sizeof *client);
    uint64_t events = 0, resets = 0, batches = 0, replays = 0, resumes = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        story_run(seed, client);
        events += client->event_count;
        resets += client->reset_count;
        batches += client->batch_count;
        replays += client->replay_count;
        resumes += client->resume_count;
    }
    free(client);
    // The stories go everywhere.
    cr_expect_gt(events, 10000);
    cr_expect_gt(resets, 100);
    cr_expect_gt(batches, 100);
    cr_expect_gt(replays, 100);
    cr_expect_gt(resumes, 100);
}
