// SPDX-License-Identifier: Apache-2.0
// Two threads count without a lock.
#include <pthread.h>
#include <stdio.h>

static int count;

static void *counter_run(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++)
        count++;
    return NULL;
}

int main(void)
{
    pthread_t other;
    if (pthread_create(&other, NULL, counter_run, NULL) != 0)
        return 1;
    counter_run(NULL);
    pthread_join(other, NULL);
    printf("ok - counted %d\n", count > 0);
    return 0;
}
