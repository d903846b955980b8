// SPDX-License-Identifier: Apache-2.0
// What a workload is made of: the core workloads A to F of YCSB (Cooper et al., "Benchmarking Cloud
// Serving Systems with YCSB", SoCC 2010) and the plain get, put and mixed.
#pragma once

#include "bench/keyset.h"

#include <stdbool.h>

enum op_class {
    CLASS_READ,
    CLASS_UPDATE,
    CLASS_INSERT,
    CLASS_SCAN,
    CLASS_MODIFY, // read, then update: one operation of two requests
    CLASS_COUNT
};

struct mix {
    const char *name;
    uint8_t percent[CLASS_COUNT]; // sum: 100
    enum distribution keys;       // unless the user asks for others
    bool whole_value;             // one value per record rather than fields, unless asked for
};

// NULL when there is none of that name. Static storage.
const struct mix *mix_find(const char *name);

enum op_class mix_draw(const struct mix *mix, struct random *random);

// "read" and so on. Static storage.
const char *class_name(enum op_class class);
