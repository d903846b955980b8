// SPDX-License-Identifier: Apache-2.0
// Input: a body. A request of an operator that is decoded survives being encoded and decoded again.
#include "cluster/model/limits.h"
#include "cluster/wire/cluster_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Decodes a body and, where that succeeds, encodes what was decoded.
static bool request_turn(struct bytes body, struct buffer *out)
{
    struct cluster_request request;
    if (cluster_request_decode(body, &request) != ERROR_NONE)
        return false;
    CHECK(request.kind >= CLUSTER_STATUS && request.kind <= CLUSTER_RECOVER);
    CHECK((request.kind == CLUSTER_STATUS) == (request.argument.size == 0));
    CHECK(request.argument.size <= NODE_NAME_BYTES_MAX);
    cluster_request_encode(out, 1, &request);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer first = {0};
    struct buffer second = {0};
    if (request_turn(bytes_of(data, size), &first)) {
        struct bytes frame = buffer_bytes(&first);
        CHECK(request_turn(
            bytes_of(frame.data + FRAME_HEADER_BYTES, frame.size - FRAME_HEADER_BYTES), &second));
        CHECK(bytes_equal(frame, buffer_bytes(&second)));
    }
    buffer_deinit(&first);
    buffer_deinit(&second);
    return 0;
}
