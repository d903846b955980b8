// SPDX-License-Identifier: Apache-2.0
// Members and views that use every field, for tests of the codecs that carry them.
#pragma once

#include "cluster/model/view.h"

// The member with this number; another number, another member in each field.
struct view_member sample_member(uint32_t number);

// Every fourth place is empty from 4 places on. view_deinit releases it.
struct view sample_view(uint32_t place_count, uint32_t partition_count, uint32_t replica_count);

void sample_member_compare(const struct view_member *out, const struct view_member *in);
void sample_view_compare(const struct view *out, const struct view *in);
