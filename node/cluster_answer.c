// SPDX-License-Identifier: Apache-2.0
#include "node/cluster_answer.h"

#include "cluster/wire/cluster_codec.h"
#include "cluster/wire/op_codec.h"
#include "cluster/wire/writer.h"

#include <stdio.h>

static const char *phase_name(enum member_phase phase)
{
    switch (phase) {
    case MEMBER_SEEKING:
        return "seeking";
    case MEMBER_JOINED:
        return "member";
    case MEMBER_DEPARTING:
        return "leaving";
    case MEMBER_GONE:
        return "gone";
    case MEMBER_REFUSED:
        return "refused";
    }
    return "";
}

static void number_write(struct buffer *out, const char *name, uint64_t value)
{
    write_text(out, name);
    write_uint(out, value);
}

static void ids_write(struct buffer *out, const char *name, const uint64_t *ids, uint32_t count)
{
    write_text(out, name);
    write_array(out, count);
    for (uint32_t i = 0; i < count; i++)
        write_uint(out, ids[i]);
}

static void servers_write(struct buffer *out, const struct raft_configuration *configuration)
{
    uint64_t voters[RAFT_SERVERS_MAX];
    uint64_t learners[RAFT_SERVERS_MAX];
    uint32_t voter_count = 0;
    uint32_t learner_count = 0;
    for (uint32_t i = 0; i < configuration->count; i++) {
        const struct raft_server *server = &configuration->servers[i];
        if (server->is_voter)
            voters[voter_count++] = server->id;
        else
            learners[learner_count++] = server->id;
    }
    ids_write(out, "voters", voters, voter_count);
    ids_write(out, "learners", learners, learner_count);
}

static void status_write(const struct cluster_asked *asked, struct buffer *out)
{
    struct member_status status;
    member_status(asked->member, &status);
    uint64_t lease_ms =
        status.lease_until_ms > asked->now_ms ? status.lease_until_ms - asked->now_ms : 0;
    write_map(out, 15);
    write_text(out, "node");
    write_text(out, asked->node_name);
    write_text(out, "phase");
    write_text(out, phase_name(status.phase));
    number_write(out, "id", status.id);
    number_write(out, "term", status.term);
    number_write(out, "leader", status.leader);
    number_write(out, "commit_index", status.commit_index);
    number_write(out, "view_version", status.view_version);
    number_write(out, "lease_ms", lease_ms);
    servers_write(out, &status.configuration);
    ids_write(out, "suspects", status.suspects, status.suspect_count);
    number_write(out, "to_fill", status.to_fill);
    number_write(out, "filling", status.filling);
    number_write(out, "to_hand_over", status.to_hand_over);
    number_write(out, "to_drop", status.to_drop);
}

static enum error leave(const struct cluster_asked *asked, struct bytes name, char *text)
{
    char member[NODE_NAME_BYTES_MAX + 1];
    if (name.size == 0 || name.size > NODE_NAME_BYTES_MAX) {
        snprintf(text, MEETING_TEXT_BYTES_MAX, "leave: a member's name has 1 to %d bytes",
                 NODE_NAME_BYTES_MAX);
        return ERROR_INVALID_ARGUMENT;
    }
    snprintf(member, sizeof member, "%.*s", (int)name.size, (const char *)name.data);
    return member_leave_other(asked->member, member, text, asked->now_ms);
}

static enum error recover(const struct cluster_asked *asked, struct bytes grid_name, char *text)
{
    if (!bytes_equal(grid_name, bytes_of_text(asked->grid_name))) {
        snprintf(text, MEETING_TEXT_BYTES_MAX, "recover: the grid's name is another one");
        return ERROR_INVALID_ARGUMENT;
    }
    return member_recover(asked->member, text, asked->now_ms);
}

static enum error request_do(const struct cluster_asked *asked, struct bytes body,
                             struct buffer *object, char *text)
{
    struct cluster_request request;
    enum error error = cluster_request_decode(body, &request);
    if (error != ERROR_NONE) {
        snprintf(text, MEETING_TEXT_BYTES_MAX, "CLUSTER: malformed body");
        return error;
    }
    switch (request.kind) {
    case CLUSTER_STATUS:
        status_write(asked, object);
        return ERROR_NONE;
    case CLUSTER_LEAVE:
        error = leave(asked, request.argument, text);
        break;
    case CLUSTER_RECOVER:
        error = recover(asked, request.argument, text);
        break;
    }
    write_map(object, 1);
    write_text(object, "done");
    write_text(object, text);
    return error;
}

void cluster_answer(const struct cluster_asked *asked, struct bytes body, struct buffer *out)
{
    struct buffer object = {0};
    char text[MEETING_TEXT_BYTES_MAX] = "";
    enum error error = request_do(asked, body, &object, text);
    if (error == ERROR_NONE)
        reply_encode_object(out, asked->request_id, buffer_bytes(&object));
    else
        error_encode(out, FRAME_ERROR, asked->request_id, PARTITION_ANY, error, text, 0);
    buffer_deinit(&object);
}
