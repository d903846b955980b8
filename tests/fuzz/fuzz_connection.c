// SPDX-License-Identifier: Apache-2.0
// Bytes into an accepted connection of a worker that has nobody else: whatever comes, what leaves
// is whole frames, and everything is released at the end. The first byte chooses the scene, the
// rest goes down a socket pair.
#include "cluster/base/memory.h"
#include "cluster/wire/message_codec.h"
#include "node/net/connection.h"

#include <event2/event.h>
#include <sys/socket.h>
#include <unistd.h>

enum scene_bits {
    SCENE_CLIENT = 1, // a client's HELLO comes first
    SCENE_PEER = 2,   // else the other member's
    SCENE_ALONE = 4,  // one member and partition; else two, each the other's backup
};

enum { INPUT_BYTES_MAX = 64 * 1024, TURNS = 6, OUTPUT_BYTES_MAX = 1 << 20 };

struct scene {
    struct logger *log;
    atomic_uint open_count;
    struct worker *worker;
    struct connections *connections;
    int descriptor; // our end
    struct buffer answers;
};

static bool flush(struct worker *worker)
{
    return connections_flush(worker->connections);
}

static void ignore_wishes(void *context, uint16_t worker, const struct wish *wishes, uint32_t count)
{
    (void)context;
    (void)worker;
    (void)wishes;
    (void)count;
}

static void ignore_view(struct worker *worker)
{
    (void)worker;
}

static void control_arrived(void *context, int descriptor, struct buffer in)
{
    (void)context;
    close(descriptor);
    buffer_deinit(&in);
}

static void cluster_asked(void *context, struct worker *worker, struct outlet *outlet,
                          const struct frame *frame)
{
    (void)context;
    (void)worker;
    (void)outlet;
    (void)frame;
}

// Each member has a partition of its own; with two, each is the other's backup.
static struct published_view *view_make(uint32_t member_count)
{
    struct view_member members[2];
    struct view_partition partitions[2];
    for (uint32_t i = 0; i < member_count; i++) {
        members[i] = (struct view_member){
            .id = i + 1, .name = {'n', (char)('1' + i)}, .host = "h", .port = 1, .weight = 1};
        partitions[i] = (struct view_partition){.epoch = 1,
                                                .version = 1,
                                                .replica_count = (uint8_t)member_count,
                                                .in_sync_count = (uint8_t)member_count,
                                                .handover = VIEW_NO_MEMBER};
        for (uint32_t replica = 0; replica < member_count; replica++)
            partitions[i].replicas[replica] = (uint16_t)((i + replica) % member_count);
    }
    struct view view = {.grid_id = 1,
                        .version = 1,
                        .partition_count = member_count,
                        .replica_count = member_count,
                        .min_in_sync = 1,
                        .member_count = member_count,
                        .members = members,
                        .partitions = partitions};
    return published_view_new(&view);
}

static void scene_init(struct scene *scene, bool is_alone)
{
    *scene = (struct scene){.log = log_new("/dev/null", LOG_ERROR)};
    struct worker_options options = {.worker_count = 1,
                                     .siblings = &scene->worker,
                                     .log = scene->log,
                                     .shard = {.worker_count = 1,
                                               .member_id = 1,
                                               .log_bytes_max = 1 << 20,
                                               .value_bytes_max = VALUE_BYTES_MAX,
                                               .answer_timeout_ms = 1000,
                                               .drop_ms = 1000},
                                     .wished = ignore_wishes};
    struct connections_options connections = {.node_name = "n1",
                                              .grid_name = "g",
                                              .secret = "",
                                              .member_id = 1,
                                              .control_arrived = control_arrived,
                                              .cluster_asked = cluster_asked,
                                              .context = scene,
                                              .output_bytes_max = OUTPUT_BYTES_MAX,
                                              .frame_body_bytes_max = FRAME_BODY_BYTES_MAX,
                                              .open_count = &scene->open_count};
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    scene->worker = worker_new(&options);
    scene->connections = connections_new(scene->worker, &connections);
    scene->worker->connections = scene->connections;
    scene->worker->flush = flush;
    scene->worker->view_changed = ignore_view;
    struct published_view *published = view_make(is_alone ? 1 : 2);
    worker_post_view(scene->worker, published);
    worker_post_lease(scene->worker, UINT64_MAX);
    published_view_release(published);
    mailbox_drain(scene->worker->mailbox, scene->worker);
    scene->descriptor = ends[0];
    atomic_store(&scene->open_count, 1);
    connections_post(scene->connections, ends[1]);
}

// What the worker's loop does in a turn, and our reading.
static void scene_turn(struct scene *scene)
{
    struct worker *worker = scene->worker;
    mailbox_drain(worker->mailbox, worker);
    CHECK(event_base_loop(worker->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
    shard_advance(worker->shard);
    shard_work(worker->shard);
    worker->flush(worker);
    ssize_t got = recv(scene->descriptor, buffer_reserve(&scene->answers, INPUT_BYTES_MAX),
                       INPUT_BYTES_MAX, 0);
    buffer_advance(&scene->answers, got > 0 ? (size_t)got : 0);
}

static void scene_say(const struct scene *scene, struct bytes bytes)
{
    ssize_t sent = send(scene->descriptor, bytes.data, bytes.size, MSG_NOSIGNAL);
    (void)sent; // the connection may be closed already
}

static void scene_greet(const struct scene *scene, enum hello_role role)
{
    struct buffer out = {0};
    struct hello hello = {.version_min = PROTOCOL_VERSION,
                          .version_max = PROTOCOL_VERSION,
                          .role = role,
                          .name = bytes_of_text("n2"),
                          .grid = bytes_of_text("g")};
    hello_encode(&out, 0, &hello);
    scene_say(scene, buffer_bytes(&out));
    buffer_deinit(&out);
}

static void answers_check(const struct scene *scene)
{
    struct bytes rest = buffer_bytes(&scene->answers);
    struct frame frame;
    enum error error;
    enum frame_verdict verdict;
    while ((verdict = frame_parse(rest, UINT32_MAX, &frame, &error)) == FRAME_COMPLETE) {
        size_t frame_bytes = FRAME_HEADER_BYTES + frame.body.size;
        CHECK(frame.header.kind >= FRAME_ATTACH);
        rest = bytes_of(rest.data + frame_bytes, rest.size - frame_bytes);
    }
    CHECK(verdict == FRAME_INCOMPLETE);
}

static void scene_deinit(struct scene *scene)
{
    close(scene->descriptor);
    worker_drop_pending(scene->worker);
    mailbox_drain(scene->worker->mailbox, scene->worker);
    connections_free(scene->connections);
    CHECK(atomic_load(&scene->open_count) == 0);
    worker_free(scene->worker);
    buffer_deinit(&scene->answers);
    log_free(scene->log);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > INPUT_BYTES_MAX)
        return 0;
    struct scene scene;
    scene_init(&scene, data[0] & SCENE_ALONE);
    if (data[0] & (SCENE_CLIENT | SCENE_PEER))
        scene_greet(&scene, data[0] & SCENE_CLIENT ? HELLO_CLIENT : HELLO_PEER);
    scene_say(&scene, bytes_of(data + 1, size - 1));
    for (int turn = 0; turn < TURNS; turn++)
        scene_turn(&scene);
    answers_check(&scene);
    scene_deinit(&scene);
    return 0;
}
