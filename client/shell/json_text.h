// SPDX-License-Identifier: Apache-2.0
// JSON text as the library writes it, taken apart and put together without a tree: a row costs no
// allocation. The text is trusted to be well-formed; where it is not, reading ends early.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/check.h"

// Appends the text in double quotes. Bytes that are no UTF-8 become U+FFFD.
void json_text_quote(struct buffer *out, struct bytes text);

// Appends what the JSON string `quoted` ("...") stands for, as UTF-8.
void json_text_unquote(struct buffer *out, struct bytes quoted);

// Appends the value as plain text: a string without its quotes, null as nothing, others as JSON.
void json_text_plain(struct buffer *out, struct bytes json);

// A walk over the members of an object.
struct json_members {
    struct bytes rest;
};

// False when `json` is no object.
MUST_USE bool json_members_start(struct json_members *members, struct bytes json);

// The next member: its name (still quoted) and its value, both borrowed from the text.
MUST_USE bool json_members_next(struct json_members *members, struct bytes *name,
                                struct bytes *value);

enum json_kind {
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_NUMBER,
    JSON_KIND_STRING,
    JSON_KIND_CONTAINER,
};

// By the first byte.
enum json_kind json_text_kind(struct bytes json);
