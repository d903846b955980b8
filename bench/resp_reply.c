// SPDX-License-Identifier: Apache-2.0
#include "bench/resp_reply.h"

enum { NUMBER_DIGITS_MAX = 18 };
#define BULK_BYTES_MAX (512 * 1024 * 1024)

// The text between the type and "\r\n".
static enum resp_verdict line_find(struct bytes input, struct bytes *line)
{
    size_t searched = input.size < RESP_LINE_BYTES_MAX ? input.size : RESP_LINE_BYTES_MAX;
    const uint8_t *end = memchr(input.data, '\n', searched);
    if (!end)
        return input.size < RESP_LINE_BYTES_MAX ? RESP_INCOMPLETE : RESP_INVALID;
    if (end < input.data + 2 || end[-1] != '\r')
        return RESP_INVALID;
    *line = bytes_of(input.data + 1, (size_t)(end - input.data) - 2);
    return RESP_COMPLETE;
}

static bool number_read(struct bytes line, int64_t *number)
{
    bool negative = line.size > 0 && line.data[0] == '-';
    size_t at = negative;
    if (line.size == at || line.size - at > NUMBER_DIGITS_MAX)
        return false;
    int64_t value = 0;
    for (; at < line.size; at++) {
        if (line.data[at] < '0' || line.data[at] > '9')
            return false;
        value = value * 10 + (line.data[at] - '0');
    }
    *number = negative ? -value : value;
    return true;
}

static enum resp_verdict bulk_parse(struct bytes input, struct resp_reply *reply)
{
    if (reply->number == -1) {
        reply->type = RESP_NIL;
        return RESP_COMPLETE;
    }
    if (reply->number < 0 || reply->number > BULK_BYTES_MAX)
        return RESP_INVALID;
    size_t head_bytes = reply->wire_bytes;
    size_t size = (size_t)reply->number;
    if (input.size - head_bytes < size + 2)
        return RESP_INCOMPLETE;
    const uint8_t *text = input.data + head_bytes;
    if (text[size] != '\r' || text[size + 1] != '\n')
        return RESP_INVALID;
    reply->text = bytes_of(text, size);
    reply->wire_bytes = head_bytes + size + 2;
    return RESP_COMPLETE;
}

enum resp_verdict resp_reply_parse(struct bytes input, struct resp_reply *reply)
{
    if (input.size == 0)
        return RESP_INCOMPLETE;
    struct bytes line;
    enum resp_verdict verdict = line_find(input, &line);
    if (verdict != RESP_COMPLETE)
        return verdict;
    *reply = (struct resp_reply){.text = line, .wire_bytes = line.size + 3};
    switch (input.data[0]) {
    case '+':
        reply->type = RESP_SIMPLE;
        return RESP_COMPLETE;
    case '-':
        reply->type = RESP_ERROR;
        return RESP_COMPLETE;
    case ':':
        reply->type = RESP_INTEGER;
        return number_read(line, &reply->number) ? RESP_COMPLETE : RESP_INVALID;
    case '$':
        reply->type = RESP_BULK;
        return number_read(line, &reply->number) ? bulk_parse(input, reply) : RESP_INVALID;
    case '*':
        if (!number_read(line, &reply->number) || reply->number < -1)
            return RESP_INVALID;
        reply->type = reply->number == -1 ? RESP_NIL : RESP_ARRAY;
        return RESP_COMPLETE;
    default:
        return RESP_INVALID;
    }
}
