// SPDX-License-Identifier: Apache-2.0
#include "client/request.h"

#include "client/id.h"

#include <criterion/criterion.h>

Test(request, an_id_finds_its_request_until_it_is_released)
{
    struct client_requests requests;
    client_requests_init(&requests);
    struct client_request *request = client_requests_take(&requests);
    uint32_t id = request->id;
    cr_assert(client_id_is_operation(id));
    cr_assert_eq(client_requests_find(&requests, id), request);
    cr_assert_eq(requests.timed_count, 1);
    client_requests_release(&requests, request);
    cr_assert_null(client_requests_find(&requests, id));
    cr_assert_eq(requests.timed_count, 0);
    client_requests_deinit(&requests);
}

Test(request, the_slot_released_last_is_taken_first_under_another_id)
{
    struct client_requests requests;
    client_requests_init(&requests);
    struct client_request *request = client_requests_take(&requests);
    uint32_t id = request->id;
    client_requests_release(&requests, request);
    cr_assert_eq(client_requests_take(&requests), request);
    cr_assert_neq(request->id, id);
    cr_assert_null(client_requests_find(&requests, id));
    client_requests_deinit(&requests);
}

Test(request, generations_wrap_round_past_those_of_the_session)
{
    struct client_requests requests;
    client_requests_init(&requests);
    for (int i = 0; i < 3 * 4096; i++) {
        struct client_request *request = client_requests_take(&requests);
        cr_assert(client_id_is_operation(request->id));
        client_requests_release(&requests, request);
    }
    client_requests_deinit(&requests);
}

Test(request, unknown_ids_find_nothing)
{
    struct client_requests requests;
    client_requests_init(&requests);
    cr_assert_null(client_requests_find(&requests, 0));
    cr_assert_null(client_requests_find(&requests, UINT32_MAX));
    struct client_request *request = client_requests_take(&requests);
    cr_assert_null(client_requests_find(&requests, request->id + 1));
    cr_assert_null(client_requests_find(&requests, request->id + CLIENT_SLOTS_MAX));
    client_requests_deinit(&requests);
}

Test(request, a_late_request_keeps_its_slot_and_gives_its_bytes_back)
{
    struct client_requests requests;
    client_requests_init(&requests);
    struct client_request *request = client_requests_take(&requests);
    buffer_append(&request->frame, "0123456789", 10);
    client_requests_weigh(&requests, request);
    cr_assert_eq(requests.timed_bytes, 10);
    request->state = REQUEST_SENT;
    client_requests_make_late(&requests, request);
    cr_assert_eq(requests.timed_bytes, 0);
    cr_assert_eq(requests.timed_count, 0);
    cr_assert_eq(client_requests_find(&requests, request->id), request);
    cr_assert_neq(client_requests_take(&requests), request);
    client_requests_release(&requests, request);
    cr_assert(list_is_empty(&requests.late));
    client_requests_deinit(&requests);
}

Test(request, the_table_has_an_end)
{
    struct client_requests requests;
    client_requests_init(&requests);
    for (uint32_t i = 0; i < CLIENT_SLOTS_MAX; i++)
        cr_assert_not_null(client_requests_take(&requests));
    cr_assert_null(client_requests_take(&requests));
    client_requests_deinit(&requests);
}

Test(request, numbers_grow_and_the_floor_is_the_lowest_that_is_open)
{
    struct client_requests requests;
    struct client_request *open[3];
    client_requests_init(&requests);
    cr_assert_eq(client_requests_floor(&requests), 1);
    for (uint64_t i = 0; i < 3; i++) {
        open[i] = client_requests_take(&requests);
        client_requests_number(&requests, open[i]);
        cr_assert_eq(open[i]->number, i + 1);
        cr_assert_eq(client_requests_floor(&requests), 1);
    }
    client_requests_release(&requests, open[1]);
    cr_assert_eq(client_requests_floor(&requests), 1);
    client_requests_release(&requests, open[0]);
    cr_assert_eq(client_requests_floor(&requests), 3);
    open[2]->state = REQUEST_SENT;
    client_requests_make_late(&requests, open[2]);
    cr_assert_eq(client_requests_floor(&requests), 4, "the caller has been told");
    client_requests_deinit(&requests);
}

Test(request, a_replaced_one_keeps_place_and_number_under_a_new_id)
{
    struct client_requests requests;
    struct client_request *open[3];
    client_requests_init(&requests);
    for (int i = 0; i < 3; i++) {
        open[i] = client_requests_take(&requests);
        client_requests_number(&requests, open[i]);
        buffer_append(&open[i]->frame, "0123456789", 10);
        client_requests_weigh(&requests, open[i]);
    }
    uint32_t id = open[1]->id;
    open[1]->state = REQUEST_SENT;
    struct client_request *fresh = client_requests_replace(&requests, open[1]);
    cr_assert_neq(fresh->id, id);
    cr_assert_eq(fresh->number, 2);
    cr_assert_eq(fresh->state, REQUEST_QUEUED);
    cr_assert_eq(client_requests_find(&requests, id), open[1]);
    cr_assert_eq(open[1]->state, REQUEST_LATE);
    cr_assert_eq(buffer_size(&fresh->frame), 10);
    cr_assert_eq(requests.timed_bytes, 30);
    cr_assert_eq(requests.timed_count, 3);
    cr_assert_eq(requests.timed.next->next, &fresh->order);
    cr_assert_eq(requests.timed.previous, &open[2]->order);
    cr_assert_eq(requests.numbered.next->next, &fresh->numbered);
    client_requests_release(&requests, open[0]);
    cr_assert_eq(client_requests_floor(&requests), 2);
    client_requests_release(&requests, open[1]);
    client_requests_release(&requests, fresh);
    cr_assert_eq(client_requests_floor(&requests), 3);
    cr_assert_eq(requests.timed_bytes, 10);
    client_requests_deinit(&requests);
}
