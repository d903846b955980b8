// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

int planted_use_after_free(void);

int planted_use_after_free(void)
{
    int *number = calloc(1, sizeof(*number));
    if (number == NULL)
        return 0;
    free(number);
    return *number;
}
