// SPDX-License-Identifier: Apache-2.0
#include "tests/support/json.h"

#include "cluster/base/check.h"
#include "cluster/wire/writer.h"

#include <jansson.h>

static void node_write(json_t *value, struct buffer *out);

static void map_write(json_t *value, struct buffer *out)
{
    const char *key;
    json_t *element;
    write_map(out, (uint32_t)json_object_size(value));
    json_object_foreach(value, key, element)
    {
        write_text(out, key);
        node_write(element, out);
    }
}

static void node_write(json_t *value, struct buffer *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        map_write(value, out);
        return;
    case JSON_ARRAY:
        write_array(out, (uint32_t)json_array_size(value));
        for (size_t at = 0; at < json_array_size(value); at++)
            node_write(json_array_get(value, at), out);
        return;
    case JSON_STRING:
        write_str(out, bytes_of(json_string_value(value), json_string_length(value)));
        return;
    case JSON_INTEGER:
        write_int(out, json_integer_value(value));
        return;
    case JSON_REAL:
        write_float(out, json_real_value(value));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        write_bool(out, json_is_true(value));
        return;
    case JSON_NULL:
        write_nil(out);
        return;
    }
}

void json_write(struct bytes json, struct buffer *out)
{
    json_error_t error;
    json_t *value =
        json_loadb((const char *)json.data, json.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    CHECK(value != NULL);
    node_write(value, out);
    json_decref(value);
}

void json_write_text(const char *json, struct buffer *out)
{
    json_write(bytes_of_text(json), out);
}
