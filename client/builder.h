// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "client/grid.h"

#include <msgpack.h>

struct grid_builder {
    msgpack_sbuffer buffer;
    msgpack_packer packer;
};
