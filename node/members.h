// SPDX-License-Identifier: Apache-2.0
// The member list as an operator writes it: `n1@10.0.0.1:7400, n2@db.example:7400, n3@[::1]:7402`.
#pragma once

#include "cluster/base/bytes.h"
#include "cluster/base/check.h"
#include "cluster/model/view.h"

enum {
    MEMBERS_LISTED_MAX = 1000,
    MEMBERS_WHY_BYTES = 256, // what members_parse says about an error
};

// Letters, digits, '.', '-' and '_'; 1 to NODE_NAME_BYTES_MAX of them.
bool member_name_is_valid(struct bytes name);

// Splits `text` at commas and blanks. On success the array moves to the caller, who frees it. On
// an error nothing is held and `why` (MEMBERS_WHY_BYTES) names the member and what is wrong.
MUST_USE bool members_parse(struct bytes text, struct view_member **members, uint32_t *count,
                            char *why);
