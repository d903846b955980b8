// SPDX-License-Identifier: Apache-2.0
// Uses what it does not include.
#pragma once

size_t planted_size(void);
