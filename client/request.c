// SPDX-License-Identifier: Apache-2.0
#include "client/request.h"

#include "client/id.h"
#include "cluster/base/memory.h"

enum {
    CHUNK_BITS = 8,
    CHUNK_SLOTS = 1 << CHUNK_BITS,
    GENERATION_FIRST = 1 << CLIENT_SLOT_BITS,
};

static_assert(CLIENT_SLOTS_MAX % CHUNK_SLOTS == 0, "chunks fill the table");

void client_requests_init(struct client_requests *requests)
{
    *requests = (struct client_requests){0};
    list_init(&requests->timed);
    list_init(&requests->numbered);
    list_init(&requests->late);
}

void client_requests_deinit(struct client_requests *requests)
{
    for (uint32_t i = 0; i < requests->slot_count; i++)
        buffer_deinit(&requests->chunks[i >> CHUNK_BITS][i % CHUNK_SLOTS].frame);
    for (uint32_t i = 0; i < requests->chunk_count; i++)
        free(requests->chunks[i]);
    free(requests->chunks);
    *requests = (struct client_requests){0};
}

static void chunk_add(struct client_requests *requests)
{
    struct client_request *chunk = memory_new_array(CHUNK_SLOTS, sizeof *chunk);
    requests->chunks = memory_resize_array(requests->chunks, requests->chunk_count + 1,
                                           sizeof(struct client_request *));
    requests->chunks[requests->chunk_count++] = chunk;
    uint32_t first_slot = requests->slot_count;
    for (uint32_t i = CHUNK_SLOTS; i-- > 0;) {
        uint32_t slot = first_slot + i;
        chunk[i].id = slot;
        chunk[i].next_free = requests->first_free;
        requests->first_free = slot + 1;
    }
    requests->slot_count += CHUNK_SLOTS;
}

// A QUEUED one that is in no list yet.
static struct client_request *slot_take(struct client_requests *requests)
{
    if (requests->first_free == 0) {
        if (requests->slot_count == CLIENT_SLOTS_MAX)
            return NULL;
        chunk_add(requests);
    }
    uint32_t slot = requests->first_free - 1;
    struct client_request *request = &requests->chunks[slot >> CHUNK_BITS][slot % CHUNK_SLOTS];
    requests->first_free = request->next_free;
    request->id += GENERATION_FIRST;
    if (!client_id_is_operation(request->id)) // wrapped round: generation 0 is not ours
        request->id = slot + GENERATION_FIRST;
    request->state = REQUEST_QUEUED;
    request->number = 0;
    list_init(&request->order);
    list_init(&request->numbered);
    return request;
}

struct client_request *client_requests_take(struct client_requests *requests)
{
    struct client_request *request = slot_take(requests);
    if (!request)
        return NULL;
    list_append(&requests->timed, &request->order);
    requests->timed_count++;
    return request;
}

void client_requests_number(struct client_requests *requests, struct client_request *request)
{
    request->number = ++requests->last_number;
    list_append(&requests->numbered, &request->numbered);
}

uint64_t client_requests_floor(const struct client_requests *requests)
{
    if (list_is_empty(&requests->numbered))
        return requests->last_number + 1;
    return LIST_ENTRY(requests->numbered.next, struct client_request, numbered)->number;
}

// `fresh` stands where `old` stood, which is in no list then.
static void place_take(struct list *fresh, struct list *old)
{
    list_append(old, fresh); // before it
    list_remove(old);
}

struct client_request *client_requests_replace(struct client_requests *requests,
                                               struct client_request *request)
{
    CHECK(request->state == REQUEST_SENT);
    struct client_request *fresh = slot_take(requests);
    if (!fresh)
        return NULL;
    uint32_t id = fresh->id;
    struct buffer spare = fresh->frame;
    *fresh = *request;
    fresh->id = id;
    fresh->state = REQUEST_QUEUED;
    fresh->link = NULL;
    list_init(&fresh->order);
    list_init(&fresh->numbered);
    place_take(&fresh->order, &request->order);
    if (request->number != 0)
        place_take(&fresh->numbered, &request->numbered);
    request->frame = spare;
    request->state = REQUEST_LATE;
    list_append(&requests->late, &request->order);
    return fresh;
}

struct client_request *client_requests_find(const struct client_requests *requests, uint32_t id)
{
    uint32_t slot = id & (CLIENT_SLOTS_MAX - 1);
    if (slot >= requests->slot_count)
        return NULL;
    struct client_request *request = &requests->chunks[slot >> CHUNK_BITS][slot % CHUNK_SLOTS];
    return request->id == id && request->state != REQUEST_FREE ? request : NULL;
}

void client_requests_weigh(struct client_requests *requests, struct client_request *request)
{
    requests->timed_bytes += buffer_size(&request->frame);
}

static void untime(struct client_requests *requests, struct client_request *request)
{
    requests->timed_bytes -= buffer_size(&request->frame);
    requests->timed_count--;
    list_remove(&request->order);
    list_remove(&request->numbered);
    buffer_clear(&request->frame);
    buffer_trim(&request->frame, CLIENT_FRAME_KEEP_BYTES);
}

void client_requests_make_late(struct client_requests *requests, struct client_request *request)
{
    CHECK(request->state == REQUEST_SENT);
    untime(requests, request);
    request->state = REQUEST_LATE;
    list_append(&requests->late, &request->order);
}

void client_requests_release(struct client_requests *requests, struct client_request *request)
{
    CHECK(request->state != REQUEST_FREE);
    if (request->state == REQUEST_LATE)
        list_remove(&request->order);
    else
        untime(requests, request);
    request->state = REQUEST_FREE;
    request->link = NULL;
    request->next_free = requests->first_free;
    requests->first_free = (request->id & (CLIENT_SLOTS_MAX - 1)) + 1;
}
