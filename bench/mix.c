// SPDX-License-Identifier: Apache-2.0
#include "bench/mix.h"

#include "cluster/base/check.h"

#include <string.h>

static const struct mix mixes[] = {
    {.name = "a",
     .keys = DISTRIBUTION_ZIPFIAN,
     .percent = {[CLASS_READ] = 50, [CLASS_UPDATE] = 50}},
    {.name = "b", .keys = DISTRIBUTION_ZIPFIAN, .percent = {[CLASS_READ] = 95, [CLASS_UPDATE] = 5}},
    {.name = "c", .keys = DISTRIBUTION_ZIPFIAN, .percent = {[CLASS_READ] = 100}},
    {.name = "d", .percent = {[CLASS_READ] = 95, [CLASS_INSERT] = 5}, .keys = DISTRIBUTION_LATEST},
    {.name = "e", .keys = DISTRIBUTION_ZIPFIAN, .percent = {[CLASS_SCAN] = 95, [CLASS_INSERT] = 5}},
    {.name = "f",
     .keys = DISTRIBUTION_ZIPFIAN,
     .percent = {[CLASS_READ] = 50, [CLASS_MODIFY] = 50}},
    {.name = "get",
     .percent = {[CLASS_READ] = 100},
     .keys = DISTRIBUTION_UNIFORM,
     .whole_value = true},
    {.name = "put",
     .percent = {[CLASS_UPDATE] = 100},
     .keys = DISTRIBUTION_UNIFORM,
     .whole_value = true},
    {.name = "mixed",
     .percent = {[CLASS_READ] = 50, [CLASS_UPDATE] = 50},
     .keys = DISTRIBUTION_UNIFORM,
     .whole_value = true},
};

static const char *const class_names[CLASS_COUNT] = {
    [CLASS_READ] = "read",
    [CLASS_UPDATE] = "update",
    [CLASS_INSERT] = "insert",
    [CLASS_SCAN] = "scan",
    [CLASS_MODIFY] = "read-modify-write",
};

const struct mix *mix_find(const char *name)
{
    for (size_t i = 0; i < sizeof mixes / sizeof *mixes; i++) {
        if (strcmp(mixes[i].name, name) == 0)
            return &mixes[i];
    }
    return NULL;
}

enum op_class mix_draw(const struct mix *mix, struct random *random)
{
    uint64_t point = random_below(random, 100);
    for (unsigned class = 0; class < CLASS_COUNT; class ++) {
        if (point < mix->percent[class])
            return (enum op_class) class;
        point -= mix->percent[class];
    }
    CHECK(false);
}

const char *class_name(enum op_class class)
{
    return class_names[class];
}
