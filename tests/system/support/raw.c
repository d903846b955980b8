// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/raw.h"

#include "cluster/model/key.h"
#include "cluster/wire/message_codec.h"
#include "tests/system/support/nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { READ_BYTES = 256 * 1024, PROMPT_MS = 1000 };

static void give_up(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

bool raw_try_open_at(struct raw *raw, const char *address_text, uint16_t port)
{
    *raw = (struct raw){.descriptor = socket(AF_INET, SOCK_STREAM, 0)};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct timeval limit = {.tv_sec = WAIT_MS / 1000};
    if (raw->descriptor < 0 || inet_pton(AF_INET, address_text, &address.sin_addr) != 1 ||
        setsockopt(raw->descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        give_up("socket");
    if (connect(raw->descriptor, (struct sockaddr *)&address, sizeof address) == 0)
        return true;
    raw_close(raw);
    return false;
}

bool raw_try_open(struct raw *raw, uint16_t port)
{
    return raw_try_open_at(raw, "127.0.0.1", port);
}

void raw_open(struct raw *raw, uint16_t port)
{
    if (!raw_try_open(raw, port))
        give_up("connect");
}

void raw_close(struct raw *raw)
{
    if (raw->descriptor >= 0)
        close(raw->descriptor);
    raw->descriptor = -1;
    buffer_deinit(&raw->in);
    raw->parsed_bytes = 0;
}

bool raw_send(struct raw *raw, struct bytes bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(raw->descriptor, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes = bytes_of(bytes.data + sent, bytes.size - (size_t)sent);
    }
    return true;
}

bool raw_send_buffer(struct raw *raw, struct buffer *out)
{
    bool sent = raw_send(raw, buffer_bytes(out));
    buffer_clear(out);
    return sent;
}

size_t raw_send_some(struct raw *raw, struct bytes bytes)
{
    ssize_t sent = send(raw->descriptor, bytes.data, bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent > 0 ? (size_t)sent : 0;
}

static bool raw_receive(struct raw *raw)
{
    ssize_t got = recv(raw->descriptor, buffer_reserve(&raw->in, READ_BYTES), READ_BYTES, 0);
    buffer_advance(&raw->in, got > 0 ? (size_t)got : 0);
    return got > 0;
}

bool raw_next(struct raw *raw, struct frame *frame)
{
    enum error error;
    buffer_consume(&raw->in, raw->parsed_bytes);
    raw->parsed_bytes = 0;
    for (;;) {
        switch (frame_parse(buffer_bytes(&raw->in), UINT32_MAX, frame, &error)) {
        case FRAME_COMPLETE:
            raw->parsed_bytes = FRAME_HEADER_BYTES + frame->body.size;
            return true;
        case FRAME_INVALID:
            return false;
        case FRAME_INCOMPLETE:
            if (!raw_receive(raw))
                return false;
        }
    }
}

bool raw_is_closed(struct raw *raw)
{
    for (;;) {
        buffer_clear(&raw->in);
        raw->parsed_bytes = 0;
        if (!raw_receive(raw))
            return errno != EAGAIN;
        errno = 0;
    }
}

// On a connection that stands.
static void raw_hello(struct raw *raw, uint16_t worker)
{
    struct hello hello = {.version_min = PROTOCOL_VERSION,
                          .version_max = PROTOCOL_VERSION,
                          .role = HELLO_CLIENT,
                          .worker = worker,
                          .name = bytes_of_text("raw")};
    struct buffer out = {0};
    struct frame frame;
    struct hello_reply reply;
    hello_encode(&out, 0, &hello);
    if (!raw_send_buffer(raw, &out) || !raw_next(raw, &frame) || frame.header.kind != FRAME_REPLY ||
        hello_reply_decode(frame.body, &reply) != ERROR_NONE)
        give_up("HELLO");
    raw->partition_count = reply.partition_count;
    raw->worker = reply.worker;
    raw->worker_count = reply.worker_count;
    buffer_deinit(&out);
}

void raw_greet(struct raw *raw, uint16_t port, uint16_t worker)
{
    raw_open(raw, port);
    raw_hello(raw, worker);
}

void raw_greet_at(struct raw *raw, const char *address, uint16_t port, uint16_t worker)
{
    if (!raw_try_open_at(raw, address, port))
        give_up("connect");
    raw_hello(raw, worker);
}

void raw_frame(struct buffer *out, uint8_t kind, uint16_t partition, uint32_t request_id,
               struct bytes body)
{
    struct frame_header header = {.kind = kind, .partition = partition, .request_id = request_id};
    size_t mark = frame_begin(out, &header);
    buffer_append(out, body.data, body.size);
    frame_end(out, mark);
}

bool raw_next_is_error(struct raw *raw, enum error error, const char *text)
{
    struct frame frame;
    struct op_reply reply;
    if (!raw_next(raw, &frame)) {
        fprintf(stderr, "no answer, wanted %s\n", error_name(error));
        return false;
    }
    if (frame.header.kind != FRAME_ERROR || reply_decode(OP_GET, &frame, &reply) != ERROR_NONE) {
        fprintf(stderr, "answer of kind 0x%02x, wanted %s\n", frame.header.kind, error_name(error));
        return false;
    }
    bool says_so = memmem(reply.text.data, reply.text.size, text, strlen(text)) != NULL;
    if (reply.error != error || !says_so)
        fprintf(stderr, "%s: %.*s, wanted %s: ... %s\n", error_name(reply.error),
                (int)reply.text.size, (const char *)reply.text.data, error_name(error), text);
    return reply.error == error && says_so;
}

void raw_op(const struct raw *raw, struct buffer *out, enum op_kind kind, uint32_t request_id,
            struct bytes key, struct bytes value)
{
    struct op op = {.kind = kind, .map = bytes_of_text("m"), .key = key, .value = value};
    op.partition = key_partition(key_hash(key), raw->partition_count);
    op_encode(out, request_id, &op);
}

bool raw_works(struct raw *raw)
{
    struct bytes key = bytes_of("\xa7witness", 8);
    struct bytes value = bytes_of("\xa4well", 5);
    struct buffer out = {0};
    struct frame frame;
    struct op_reply reply;
    uint64_t start_ms = now_ms();
    raw_op(raw, &out, OP_PUT, 1, key, value);
    raw_op(raw, &out, OP_GET, 2, key, bytes_of(NULL, 0));
    bool works = raw_send_buffer(raw, &out);
    buffer_deinit(&out);
    for (uint32_t answers = 0; works && answers < 2; answers++) {
        works = raw_next(raw, &frame) && frame.header.kind == FRAME_REPLY &&
                reply_decode(OP_GET, &frame, &reply) == ERROR_NONE;
        if (works && frame.header.request_id == 2)
            works = reply.found && bytes_equal(reply.value, value);
    }
    return works && now_ms() - start_ms < PROMPT_MS;
}
