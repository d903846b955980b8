// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

int planted_leak_on_error(const char *path);

int planted_leak_on_error(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return -1;
    if (getc(file) == EOF)
        return -2;
    fclose(file);
    return 0;
}
