// SPDX-License-Identifier: Apache-2.0
// Why the loads that are wanted move little. A member within its bounds keeps its load, unless
// others need it. When one joins, it is raised from nothing to its share, and it takes from those
// with the largest load by weight, who are thereby held together; when one leaves, its copies go to
// those with the smallest. So bounds of 5 % are seldom reached, and when they are, by few.
#include "cluster/rules/quota.h"

// The bounds are 19 / 20 and 21 / 20 of the fair share.
enum { LOW_NUMERATOR = 19, HIGH_NUMERATOR = 21, DENOMINATOR = 20 };

enum { NOBODY = MEMBERS_MAX };

// What is shared out by weight, among members that cannot hold a copy of every partition.
struct pot {
    uint64_t copies;
    uint64_t weight;
};

// Members whose share reaches all partitions hold one copy of each (high is set), which leaves the
// others less, and may bring more of them there.
static struct pot quotas_cap(const uint32_t *weights, uint32_t member_count, struct pot pot,
                             uint32_t partition_count, struct quota *quotas)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < member_count; i++) {
            if (weights[i] == 0 || quotas[i].high > 0 ||
                pot.copies * weights[i] < pot.weight * partition_count)
                continue;
            quotas[i].high = partition_count;
            pot.copies -= partition_count;
            pot.weight -= weights[i];
            changed = true;
        }
    }
    return pot;
}

// A share is copies / weight. No overflow: copies are at most PARTITIONS_MAX x REPLICAS_MAX.
static void quota_bound(struct quota *quota, uint64_t copies, uint64_t weight,
                        uint32_t partition_count, uint32_t load)
{
    uint64_t high = (HIGH_NUMERATOR * copies + DENOMINATOR * weight - 1) / (DENOMINATOR * weight);
    quota->low = (uint32_t)(LOW_NUMERATOR * copies / (DENOMINATOR * weight));
    quota->high = high < partition_count ? (uint32_t)high : partition_count;
    quota->want = load;
    if (load < quota->low)
        quota->want = load == 0 ? (uint32_t)(copies / weight) : quota->low;
    else if (load > quota->high)
        quota->want = quota->high;
}

// Who is given one more: it then has the smallest load by weight.
static uint32_t quotas_lightest(const uint32_t *weights, uint32_t member_count,
                                const struct quota *quotas)
{
    uint32_t best = NOBODY;
    for (uint32_t i = 0; i < member_count; i++) {
        if (quotas[i].want < quotas[i].high &&
            (best == NOBODY || (uint64_t)(quotas[i].want + 1) * weights[best] <
                                   (uint64_t)(quotas[best].want + 1) * weights[i]))
            best = i;
    }
    return best;
}

// Who gives one up: it has the largest load by weight.
static uint32_t quotas_heaviest(const uint32_t *weights, uint32_t member_count,
                                const struct quota *quotas)
{
    uint32_t best = NOBODY;
    for (uint32_t i = 0; i < member_count; i++) {
        if (quotas[i].want > quotas[i].low &&
            (best == NOBODY ||
             (uint64_t)quotas[i].want * weights[best] > (uint64_t)quotas[best].want * weights[i]))
            best = i;
    }
    return best;
}

void quotas_make(const uint32_t *weights, uint32_t member_count, uint32_t partition_count,
                 uint32_t copies, const uint32_t *loads, struct quota *quotas)
{
    struct pot all = {.copies = (uint64_t)partition_count * copies};
    for (uint32_t i = 0; i < member_count; i++) {
        quotas[i] = (struct quota){0};
        all.weight += weights[i];
    }
    struct pot rest = quotas_cap(weights, member_count, all, partition_count, quotas);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < member_count; i++) {
        if (quotas[i].high > 0)
            quotas[i].low = quotas[i].want = partition_count;
        else if (weights[i] > 0)
            quota_bound(&quotas[i], rest.copies * weights[i], rest.weight, partition_count,
                        loads[i]);
        sum += quotas[i].want;
    }
    for (; sum < all.copies; sum++) {
        uint32_t member = quotas_lightest(weights, member_count, quotas);
        CHECK(member != NOBODY); // upper bounds sum up to the total at least
        quotas[member].want++;
    }
    for (; sum > all.copies; sum--) {
        uint32_t member = quotas_heaviest(weights, member_count, quotas);
        CHECK(member != NOBODY); // lower bounds sum up to the total at most
        quotas[member].want--;
    }
}
