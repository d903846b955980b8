// SPDX-License-Identifier: Apache-2.0
#include <stdint.h>

uint8_t planted_narrow(uint64_t wide);

uint8_t planted_narrow(uint64_t wide)
{
    return wide;
}
