// SPDX-License-Identifier: Apache-2.0
// JSON text to MessagePack: parsed by jansson, then packed.
#include "client/builder.h"
#include "cluster/model/limits.h"

#include <jansson.h>
#include <stdio.h>

// False when it is nested deeper than a value may be.
static bool value_pack(struct grid_builder *builder, json_t *json, unsigned depth);

static bool array_pack(struct grid_builder *builder, json_t *json, unsigned depth)
{
    grid_build_array(builder, (uint32_t)json_array_size(json));
    for (size_t i = 0; i < json_array_size(json); i++) {
        if (!value_pack(builder, json_array_get(json, i), depth + 1))
            return false;
    }
    return true;
}

static bool object_pack(struct grid_builder *builder, json_t *json, unsigned depth)
{
    grid_build_map(builder, (uint32_t)json_object_size(json));
    for (void *at = json_object_iter(json); at; at = json_object_iter_next(json, at)) {
        grid_build_str_n(builder, json_object_iter_key(at), json_object_iter_key_len(at));
        if (!value_pack(builder, json_object_iter_value(at), depth + 1))
            return false;
    }
    return true;
}

static bool value_pack(struct grid_builder *builder, json_t *json, unsigned depth)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return depth < VALUE_DEPTH_MAX && object_pack(builder, json, depth);
    case JSON_ARRAY:
        return depth < VALUE_DEPTH_MAX && array_pack(builder, json, depth);
    case JSON_STRING:
        grid_build_str_n(builder, json_string_value(json), json_string_length(json));
        return true;
    case JSON_INTEGER:
        grid_build_int(builder, json_integer_value(json));
        return true;
    case JSON_REAL:
        grid_build_double(builder, json_real_value(json));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        grid_build_bool(builder, json_is_true(json));
        return true;
    case JSON_NULL:
        break;
    }
    grid_build_nil(builder);
    return true;
}

enum grid_error grid_build_json(struct grid_builder *builder, const char *json, size_t size,
                                char *error, size_t error_size)
{
    json_error_t failure;
    json_t *parsed = json_loadb(json, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &failure);
    if (!parsed) {
        if (error && error_size > 0)
            snprintf(error, error_size, "line %d column %d: %s", failure.line, failure.column,
                     failure.text);
        return GRID_INVALID_ARGUMENT;
    }
    size_t mark = builder->buffer.size;
    bool fits = value_pack(builder, parsed, 0);
    json_decref(parsed);
    if (fits)
        return GRID_OK;
    builder->buffer.size = mark;
    if (error && error_size > 0)
        snprintf(error, error_size, "nested deeper than %d arrays and objects", VALUE_DEPTH_MAX);
    return GRID_INVALID_ARGUMENT;
}
