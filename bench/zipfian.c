// SPDX-License-Identifier: Apache-2.0
#include "bench/zipfian.h"

#include "cluster/base/check.h"

#include <math.h>

#define ZETA_OF_TWO (1 + 0.50347777502835944) // 1 + 1 / 2^theta

static double zeta_extend(double zeta, uint64_t from, uint64_t to)
{
    for (uint64_t i = from + 1; i <= to; i++)
        zeta += pow((double)i, -ZIPFIAN_THETA);
    return zeta;
}

void zipfian_init_with_zeta(struct zipfian *zipfian, uint64_t item_count, double zeta)
{
    CHECK(item_count >= 1);
    zipfian->item_count = item_count;
    zipfian->zeta = zeta;
    zipfian->eta =
        (1 - pow(2.0 / (double)item_count, 1 - ZIPFIAN_THETA)) / (1 - ZETA_OF_TWO / zeta);
}

void zipfian_init(struct zipfian *zipfian, uint64_t item_count)
{
    zipfian_init_with_zeta(zipfian, item_count, zeta_extend(0, 0, item_count));
}

void zipfian_grow(struct zipfian *zipfian, uint64_t item_count)
{
    CHECK(item_count >= zipfian->item_count);
    double zeta = zeta_extend(zipfian->zeta, zipfian->item_count, item_count);
    zipfian_init_with_zeta(zipfian, item_count, zeta);
}

uint64_t zipfian_next(const struct zipfian *zipfian, struct random *random)
{
    double unit = random_unit(random);
    double scaled = unit * zipfian->zeta;
    if (scaled < 1)
        return 0;
    if (scaled < ZETA_OF_TWO)
        return zipfian->item_count > 1 ? 1 : 0;
    double rank = (double)zipfian->item_count *
                  pow(zipfian->eta * unit - zipfian->eta + 1, 1 / (1 - ZIPFIAN_THETA));
    // Rounding may reach item_count where unit is close to 1.
    uint64_t whole = (uint64_t)rank;
    return whole < zipfian->item_count ? whole : zipfian->item_count - 1;
}
