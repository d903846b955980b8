// SPDX-License-Identifier: Apache-2.0
// Damages well-formed frame bodies, so that tests see what a decoder makes of them. Each body is
// copied into memory of just its size: the sanitizer then sees every read beyond the end.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/base/error.h"

// Decodes the body all the way, effects, rows and marks included; keeps nothing.
typedef enum error mangle_decode(const void *context, struct bytes body);

// Asserts that the body decodes, that none of its proper prefixes does, and that it does not with a
// byte more.
void mangle_lengths(mangle_decode *decode, const void *context, struct bytes body);

// Decodes the body with each byte replaced by every value in turn: it may be refused or not, but
// nothing may crash.
void mangle_bytes(mangle_decode *decode, const void *context, struct bytes body);

// Asserts that every well-formed object in the top-level array of the body, replaced by an object
// of a type that is never wanted there (an ext), makes the body refused.
void mangle_types(mangle_decode *decode, const void *context, struct bytes body);
