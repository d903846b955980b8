// SPDX-License-Identifier: Apache-2.0
// The queries of the simulation's subscribers, each with what it selects said a second time in C,
// so that nothing of the product's query engine judges itself.
#pragma once

#include "tests/sim/document.h"

struct question {
    const char *text;
    bool (*selects)(uint32_t key, const struct document *document);
    const char *columns; // letters of the fields that it gives; NULL: the whole value
};

extern const struct question questions[];
enum { QUESTION_COUNT = 8 };

// Whether an entry with this value is selected; an empty value is no entry.
bool question_selects(const struct question *question, uint32_t key, struct bytes value);

// What is shown of the value.
void question_project(const struct question *question, struct bytes value, struct buffer *out);

// Two values look the same.
bool question_shows_same(const struct question *question, struct bytes one, struct bytes other);
