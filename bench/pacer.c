// SPDX-License-Identifier: Apache-2.0
#include "bench/pacer.h"

#include <math.h>

void pacer_init(struct pacer *pacer, enum schedule schedule, double rate, uint64_t begin_ns,
                uint64_t seed)
{
    CHECK(rate > 0);
    *pacer = (struct pacer){.schedule = schedule,
                            .interval_ns = 1e9 / rate,
                            .next_ns = (double)begin_ns,
                            .random = {.state = seed}};
    // Threads begin their schedules at different points of the interval.
    pacer->next_ns += random_unit(&pacer->random) * pacer->interval_ns;
}

void pacer_advance(struct pacer *pacer)
{
    if (pacer->schedule == SCHEDULE_FIXED)
        pacer->next_ns += pacer->interval_ns;
    else // the gaps of a Poisson process are exponential
        pacer->next_ns += -log(1 - random_unit(&pacer->random)) * pacer->interval_ns;
}
