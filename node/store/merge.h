// SPDX-License-Identifier: Apache-2.0
// JSON Merge Patch (RFC 7396) on MessagePack: nil removes a field, maps merge, all else replaces.
#pragma once

#include "cluster/base/buffer.h"
#include "cluster/base/error.h"

// Appends `target` changed by `patch`, both well-formed values. An empty `target` (size 0) stands
// for an empty map. Fields keep the target's order, new ones follow in the patch's. Str keys are
// equal when their text is; of a key that a map has twice, the patch's last and the target's first
// count. ERROR_WRONG_TYPE when one is not a map, ERROR_TOO_LARGE when the result is beyond
// VALUE_BYTES_MAX or a map of the patch beyond MERGE_FIELDS_MAX; `out` then holds an unfinished
// value.
enum { MERGE_FIELDS_MAX = 65536 }; // bounds the memory and the time of one merge

MUST_USE enum error merge_apply(struct bytes target, struct bytes patch, struct buffer *out);
