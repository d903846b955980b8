// SPDX-License-Identifier: Apache-2.0
#include "client/builder.h"

#include "cluster/base/memory.h"

struct grid_builder *grid_builder_new(void)
{
    struct grid_builder *builder = memory_new(sizeof *builder);
    msgpack_sbuffer_init(&builder->buffer);
    msgpack_packer_init(&builder->packer, &builder->buffer, msgpack_sbuffer_write);
    return builder;
}

void grid_builder_free(struct grid_builder *builder)
{
    if (!builder)
        return;
    msgpack_sbuffer_destroy(&builder->buffer);
    free(builder);
}

void grid_builder_clear(struct grid_builder *builder)
{
    msgpack_sbuffer_clear(&builder->buffer);
}

struct grid_bytes grid_builder_bytes(const struct grid_builder *builder)
{
    return (struct grid_bytes){builder->buffer.data, builder->buffer.size};
}

// The packer fails only when memory is exhausted; see memory.h.

void grid_build_nil(struct grid_builder *builder)
{
    CHECK(msgpack_pack_nil(&builder->packer) == 0);
}

void grid_build_bool(struct grid_builder *builder, bool value)
{
    CHECK((value ? msgpack_pack_true(&builder->packer) : msgpack_pack_false(&builder->packer)) ==
          0);
}

void grid_build_int(struct grid_builder *builder, int64_t value)
{
    CHECK(msgpack_pack_int64(&builder->packer, value) == 0);
}

void grid_build_uint(struct grid_builder *builder, uint64_t value)
{
    CHECK(msgpack_pack_uint64(&builder->packer, value) == 0);
}

void grid_build_double(struct grid_builder *builder, double value)
{
    CHECK(msgpack_pack_double(&builder->packer, value) == 0);
}

void grid_build_str_n(struct grid_builder *builder, const char *text, size_t size)
{
    CHECK(msgpack_pack_str(&builder->packer, size) == 0);
    CHECK(size == 0 || msgpack_pack_str_body(&builder->packer, text, size) == 0);
}

void grid_build_str(struct grid_builder *builder, const char *text)
{
    grid_build_str_n(builder, text, strlen(text));
}

void grid_build_bin(struct grid_builder *builder, const void *data, size_t size)
{
    CHECK(msgpack_pack_bin(&builder->packer, size) == 0);
    CHECK(size == 0 || msgpack_pack_bin_body(&builder->packer, data, size) == 0);
}

void grid_build_array(struct grid_builder *builder, uint32_t count)
{
    CHECK(msgpack_pack_array(&builder->packer, count) == 0);
}

void grid_build_map(struct grid_builder *builder, uint32_t pair_count)
{
    CHECK(msgpack_pack_map(&builder->packer, pair_count) == 0);
}

void grid_build_object(struct grid_builder *builder, struct grid_bytes object)
{
    CHECK(object.size == 0 ||
          msgpack_sbuffer_write(&builder->buffer, object.data, object.size) == 0);
}
