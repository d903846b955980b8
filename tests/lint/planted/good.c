// SPDX-License-Identifier: Apache-2.0
// What every gate must let pass: a gate that rejects all proves nothing.
#include "cluster/base/bytes.h"

size_t planted_count_zeros(struct bytes bytes);

size_t planted_count_zeros(struct bytes bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes.size; i++)
        if (bytes.data[i] == 0)
            count++;
    return count;
}
