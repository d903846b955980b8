// SPDX-License-Identifier: Apache-2.0
// Members as texts in a row. Names are copied once: the client's own live only until its next call.
#pragma once

#include "client/shell/result.h"

enum {
    MEMBER_NAME_BYTES = 64,
    MEMBER_ADDRESS_BYTES = 272,
};

// "host:port", an IPv6 address in brackets.
void member_address_write(const struct grid_member *member, char *text, size_t size);

struct member_names {
    char (*texts)[MEMBER_NAME_BYTES]; // owned; by number, "" where there is no member
    size_t count;
};

struct member_names member_names_of(const struct grid *grid);
void member_names_deinit(struct member_names *names);

// "?" for a number that nobody has. Borrowed.
const char *member_name(const struct member_names *names, size_t number);

// The cells of a partition: primary, backups in sync, those that catch up, and who takes over.
void member_partition_show(struct shell_result *result, const struct member_names *names,
                           const struct grid_partition *partition);
