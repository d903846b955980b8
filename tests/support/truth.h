// SPDX-License-Identifier: Apache-2.0
// What a predicate is for an entry, asked through queries only.
#pragma once

#include "cluster/base/bytes.h"

// 'T', 'F' or 'N' (NULL). Fails the test when the predicate does not compile, or when it is not
// exactly one of the three.
char truth_of(const char *predicate, struct bytes key, struct bytes value);

// The same for the entry with key 1 and a value in JSON.
char truth_of_json(const char *predicate, const char *json);
