// SPDX-License-Identifier: Apache-2.0
// Input: 8 bytes that seed the documents, then WHERE clauses, one per line. Those that compile
// stand in an index, which must tell of random updates what evaluating each of them tells, while
// some are removed again and keys are picked anew.
#include "cluster/base/check.h"
#include "tests/support/expression.h"
#include "tests/support/index_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { QUERIES_MAX = 24, UPDATES = 100, LINE_BYTES_MAX = 512, ALWAYS_MAX = 8 };

static void lines_add(struct index_model *model, struct bytes lines)
{
    while (lines.size > 0 && index_model_count(model) < QUERIES_MAX) {
        const uint8_t *end = memchr(lines.data, '\n', lines.size);
        size_t line_size = end != NULL ? (size_t)(end - lines.data) : lines.size;
        if (line_size > 0 && line_size <= LINE_BYTES_MAX)
            (void)index_model_add(model, "m", bytes_of(lines.data, line_size));
        size_t step = line_size + (end != NULL);
        lines = bytes_of(lines.data + step, lines.size - step);
    }
}

static void document_write(struct random *random, struct buffer *out)
{
    if (random_below(random, 2) == 0)
        expression_write_document(random, out);
    else
        index_model_write_document(random, out);
}

static void update(struct index_model *model, struct random *random)
{
    struct buffer key = {0};
    struct buffer old_value = {0};
    struct buffer new_value = {0};
    index_model_write_key(random, &key);
    if (random_below(random, 4) > 0)
        document_write(random, &old_value);
    if (buffer_size(&old_value) > 0 && random_below(random, 2) == 0)
        index_model_write_changed(random, buffer_bytes(&old_value), &new_value);
    else if (random_below(random, 4) > 0)
        document_write(random, &new_value);
    CHECK(index_model_update(model, buffer_bytes(&key), buffer_bytes(&old_value),
                             buffer_bytes(&new_value)));
    buffer_deinit(&key);
    buffer_deinit(&old_value);
    buffer_deinit(&new_value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct random random = {0};
    if (size < sizeof random.state)
        return 0;
    memcpy(&random.state, data, sizeof random.state);
    // One for all inputs: its range of addresses takes a sanitizer long to prepare. Once empty it
    // is as new.
    static struct index_model *model;
    if (model == NULL)
        model = index_model_new(ALWAYS_MAX, NULL);
    lines_add(model, bytes_of(data + sizeof random.state, size - sizeof random.state));
    for (unsigned at = 0; at < UPDATES; at++) {
        update(model, &random);
        if (index_model_count(model) > 0 && random_below(&random, 3) == 0)
            index_model_remove(model, (uint32_t)random_below(&random, index_model_count(model)));
        (void)index_tend(index_model_index(model));
    }
    while (index_model_count(model) > 0)
        index_model_remove(model, index_model_count(model) - 1);
    return 0;
}
