// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#define KIB ((uint64_t)1 << 10)
#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

#define US_PER_MS 1000
#define US_PER_S  1000000
#define MS_PER_S  1000
#define NS_PER_US 1000
#define NS_PER_S  1000000000
