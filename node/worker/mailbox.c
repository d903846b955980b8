// SPDX-License-Identifier: Apache-2.0
#include "node/worker/mailbox.h"

#include "cluster/base/memory.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

// ThreadSanitizer does not see the queue's hand-written atomics: tell it what they order.
#if defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#endif
#ifdef HAS_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define ORDER_ACQUIRE(address) __tsan_acquire(address)
#define ORDER_RELEASE(address) __tsan_release(address)
#else
#define ORDER_ACQUIRE(address) ((void)0)
#define ORDER_RELEASE(address) ((void)0)
#endif

enum { CACHE_LINE_BYTES = 64 };

struct mailbox {
    // Consumer half.
    struct cds_wfcq_head head;
    int descriptor; // eventfd
    // Producer half, on a cache line of its own.
    alignas(CACHE_LINE_BYTES) struct cds_wfcq_tail tail;
    atomic_bool is_sleeping;
};

struct mailbox *mailbox_new(void)
{
    struct mailbox *mailbox = aligned_alloc(CACHE_LINE_BYTES, sizeof *mailbox);
    CHECK(mailbox != NULL);
    cds_wfcq_init(&mailbox->head, &mailbox->tail);
    atomic_init(&mailbox->is_sleeping, false);
    mailbox->descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(mailbox->descriptor >= 0);
    return mailbox;
}

void mailbox_free(struct mailbox *mailbox)
{
    CHECK(cds_wfcq_empty(&mailbox->head, &mailbox->tail));
    close(mailbox->descriptor);
    cds_wfcq_destroy(&mailbox->head, &mailbox->tail);
    free(mailbox);
}

void mailbox_post(struct mailbox *mailbox, struct letter *letter)
{
    cds_wfcq_node_init(&letter->node);
    ORDER_RELEASE(&mailbox->tail);
    cds_wfcq_enqueue(&mailbox->head, &mailbox->tail, &letter->node);
    atomic_thread_fence(memory_order_seq_cst); // the letter before the look at is_sleeping
    if (atomic_load_explicit(&mailbox->is_sleeping, memory_order_relaxed) &&
        atomic_exchange(&mailbox->is_sleeping, false)) {
        uint64_t one = 1;
        ssize_t written = write(mailbox->descriptor, &one, sizeof one);
        CHECK(written == sizeof one);
    }
}

int mailbox_descriptor(const struct mailbox *mailbox)
{
    return mailbox->descriptor;
}

unsigned mailbox_drain(struct mailbox *mailbox, void *receiver)
{
    struct cds_wfcq_head batch_head;
    struct cds_wfcq_tail batch_tail;
    cds_wfcq_init(&batch_head, &batch_tail);
    __cds_wfcq_splice_blocking(&batch_head, &batch_tail, &mailbox->head, &mailbox->tail);
    ORDER_ACQUIRE(&mailbox->tail);
    unsigned count = 0;
    struct cds_wfcq_node *node;
    while ((node = __cds_wfcq_dequeue_blocking(&batch_head, &batch_tail)) != NULL) {
        struct letter *letter = (struct letter *)node;
        letter->deliver(receiver, letter);
        count++;
    }
    return count;
}

bool mailbox_sleep(struct mailbox *mailbox)
{
    atomic_store(&mailbox->is_sleeping, true);
    atomic_thread_fence(memory_order_seq_cst); // is_sleeping before the look at the queue
    if (cds_wfcq_empty(&mailbox->head, &mailbox->tail))
        return true;
    atomic_store_explicit(&mailbox->is_sleeping, false, memory_order_relaxed);
    return false;
}

void mailbox_wake(struct mailbox *mailbox)
{
    atomic_store_explicit(&mailbox->is_sleeping, false, memory_order_relaxed);
}

void mailbox_quiet(struct mailbox *mailbox)
{
    uint64_t posts;
    (void)!read(mailbox->descriptor, &posts, sizeof posts); // nothing to read is fine
}
