// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/cluster_codec.h"

#include "cluster/wire/body.h"
#include "cluster/wire/writer.h"

static const char *const words[] = {
    [CLUSTER_STATUS] = "status", [CLUSTER_LEAVE] = "leave", [CLUSTER_RECOVER] = "recover"};

static bool has_argument(enum cluster_request_kind kind)
{
    return kind != CLUSTER_STATUS;
}

void cluster_request_encode(struct buffer *out, uint32_t request_id,
                            const struct cluster_request *request)
{
    struct frame_header header = {
        .kind = FRAME_CLUSTER, .partition = PARTITION_ANY, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    write_array(out, has_argument(request->kind) ? 2 : 1);
    write_text(out, words[request->kind]);
    if (has_argument(request->kind))
        write_str(out, request->argument);
    frame_end(out, mark);
}

static bool word_find(struct bytes word, enum cluster_request_kind *kind)
{
    for (unsigned i = CLUSTER_STATUS; i <= CLUSTER_RECOVER; i++) {
        if (bytes_equal(word, bytes_of_text(words[i]))) {
            *kind = (enum cluster_request_kind)i;
            return true;
        }
    }
    return false;
}

enum error cluster_request_decode(struct bytes body, struct cluster_request *request)
{
    struct cursor cursor = cursor_of(body);
    uint32_t count;
    struct bytes word;
    request->argument = (struct bytes){0};
    if (!cursor_read_array(&cursor, &count) || count == 0 || !cursor_read_str(&cursor, &word))
        return ERROR_MALFORMED_FRAME;
    if (!word_find(word, &request->kind))
        return ERROR_UNKNOWN_OPERATION;
    bool decoded =
        !has_argument(request->kind)
            ? count == 1
            : count == 2 && name_read(&cursor, &request->argument) && request->argument.size > 0;
    return body_verdict(&cursor, decoded);
}
