// SPDX-License-Identifier: Apache-2.0
// What clients asked and what they were told, in virtual time: the history that must be
// linearizable key by key.
#pragma once

#include "cluster/model/op.h"

struct deed {
    uint32_t client;
    uint32_t key; // number of the key
    enum op_kind kind;
    enum op_condition condition;
    int64_t input;    // value put, or delta
    uint64_t version; // with CONDITION_IF_VERSION
    uint32_t ttl_ms;  // 0: none
    uint64_t expiry;  // what it sets expires by this deed of kind OP_NONE, or may; 0: it does not
    uint64_t called_us;
    uint64_t
        returned_us; // UINT64_MAX: its fate is unknown, it may take effect at any time or never
    // What was answered.
    enum error error; // NONE, EXISTS, VERSION_MISMATCH
    bool found;
    bool has_output;
    int64_t output;       // the value of get, get-and-put (old), increment (new)
    uint64_t out_version; // 0: not told
};

// Deeds that no client did have the kind OP_NONE: an entry expires.

struct history {
    struct deed *deeds; // owned
    uint32_t count;
    uint32_t capacity;
};

void history_deinit(struct history *history);
void history_add(struct history *history, const struct deed *deed);

enum linear_verdict {
    LINEAR_YES = 0,
    LINEAR_NO,
    LINEAR_UNDECIDED, // more states than the search may visit
};

// Whether there is an order of the deeds of this key in which each takes effect at one moment
// between its call and its return, and each answer is right. After Wing and Gong, "Testing and
// Verifying Concurrent Objects" (1993), with the memory of Lowe, "Testing for Linearizability"
// (2017).
enum linear_verdict linear_check(const struct history *history, uint32_t key);

void deed_print(const struct deed *deed, char *text, size_t capacity);
