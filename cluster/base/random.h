// SPDX-License-Identifier: Apache-2.0
// A seeded generator: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
// Generators, OOPSLA 2014). The same seed gives the same numbers on every machine.
#pragma once

#include <stdint.h>

struct random {
    uint64_t state; // any value is a valid seed
};

static inline uint64_t random_next(struct random *random)
{
    uint64_t mixed = (random->state += UINT64_C(0x9E3779B97F4A7C15));
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

// Uniform in [0, bound), bound > 0 (Lemire's multiply-shift; its bias is below bound / 2^64).
static inline uint64_t random_below(struct random *random, uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)random_next(random) * bound) >> 64);
}

// Uniform in [0, 1).
static inline double random_unit(struct random *random)
{
    return (double)(random_next(random) >> 11) * 0x1.0p-53;
}
