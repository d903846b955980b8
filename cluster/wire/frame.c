// SPDX-License-Identifier: Apache-2.0
#include "cluster/wire/frame.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frame fields are copied as they stand");

enum frame_verdict frame_parse(struct bytes input, uint32_t body_bytes_max, struct frame *frame,
                               enum error *error)
{
    if (input.size < FRAME_HEADER_BYTES)
        return FRAME_INCOMPLETE;
    struct frame_header *header = &frame->header;
    memcpy(&header->body_bytes, input.data, 4);
    header->kind = input.data[4];
    header->flags = input.data[5];
    memcpy(&header->partition, input.data + 6, 2);
    memcpy(&header->request_id, input.data + 8, 4);
    header->view = input.data[12];
    if ((input.data[13] | input.data[14] | input.data[15]) != 0) {
        *error = ERROR_MALFORMED_FRAME;
        return FRAME_INVALID;
    }
    if (header->body_bytes > body_bytes_max) {
        *error = ERROR_TOO_LARGE;
        return FRAME_INVALID;
    }
    if (input.size - FRAME_HEADER_BYTES < header->body_bytes)
        return FRAME_INCOMPLETE;
    frame->body = bytes_of(input.data + FRAME_HEADER_BYTES, header->body_bytes);
    return FRAME_COMPLETE;
}

void frame_header_store(uint8_t *at, const struct frame_header *header)
{
    const uint32_t view_and_reserved = header->view;
    memcpy(at, &header->body_bytes, 4);
    at[4] = header->kind;
    at[5] = header->flags;
    memcpy(at + 6, &header->partition, 2);
    memcpy(at + 8, &header->request_id, 4);
    memcpy(at + 12, &view_and_reserved, 4);
}

size_t frame_begin(struct buffer *out, const struct frame_header *header)
{
    size_t mark = buffer_size(out);
    frame_header_store(buffer_reserve(out, FRAME_HEADER_BYTES), header);
    buffer_advance(out, FRAME_HEADER_BYTES);
    return mark;
}

void frame_end(struct buffer *out, size_t mark)
{
    size_t body_bytes = buffer_size(out) - mark - FRAME_HEADER_BYTES;
    CHECK(body_bytes <= UINT32_MAX);
    uint32_t field = (uint32_t)body_bytes;
    memcpy(out->data + out->start + mark, &field, 4);
}
