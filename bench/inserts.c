// SPDX-License-Identifier: Apache-2.0
#include "bench/inserts.h"

#include "cluster/base/memory.h"

void inserts_init(struct inserts *inserts, uint64_t existing_count)
{
    atomic_init(&inserts->next_index, existing_count);
    atomic_init(&inserts->existing_count, existing_count);
    inserts->answered = memory_new_array(INSERTS_WINDOW, sizeof *inserts->answered);
}

void inserts_deinit(struct inserts *inserts)
{
    free(inserts->answered);
    inserts->answered = NULL;
}

bool inserts_begin(struct inserts *inserts, uint64_t *index)
{
    uint64_t next = atomic_load(&inserts->next_index);
    do {
        // By now the border may be beyond what was read, so nothing is subtracted here.
        if (next >= atomic_load(&inserts->existing_count) + INSERTS_WINDOW)
            return false;
    } while (!atomic_compare_exchange_weak(&inserts->next_index, &next, next + 1));
    *index = next;
    return true;
}

void inserts_end(struct inserts *inserts, uint64_t index)
{
    atomic_store(&inserts->answered[index % INSERTS_WINDOW], true);
    // Whoever takes the mark of the first index moves the border. A thread that sets a mark looks
    // at the border afterwards, and one that moved the border at the next mark: no mark is missed.
    while (true) {
        uint64_t border = atomic_load(&inserts->existing_count);
        _Atomic bool *mark = &inserts->answered[border % INSERTS_WINDOW];
        if (!atomic_exchange(mark, false))
            return;
        // The border has moved on a whole window since it was read: the mark is of a later index.
        if (!atomic_compare_exchange_strong(&inserts->existing_count, &border, border + 1))
            atomic_store(mark, true);
    }
}
