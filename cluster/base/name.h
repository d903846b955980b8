// SPDX-License-Identifier: Apache-2.0
// Names that people type: how far a mistyped one is from one that exists.
#pragma once

#include "cluster/base/bytes.h"

enum { NAME_DISTANCE_BYTES_MAX = 63 }; // longer names are never near

// Levenshtein's distance without regard to the case of ASCII letters; SIZE_MAX when a name is
// longer than NAME_DISTANCE_BYTES_MAX. Source: Wagner and Fischer, "The String-to-String Correction
// Problem", JACM 21(1), 1974, kept to one row.
size_t name_distance(struct bytes a, struct bytes b);
