// SPDX-License-Identifier: Apache-2.0
#include "client/endpoint.h"

#include "client/bounds.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(endpoint, lists_are_read)
{
    uint32_t count;
    struct client_endpoint *endpoints =
        client_endpoints_new("a:1, node-2.example.org:65535 ,10.0.0.3,[::1]:7,[fe80::2]", &count);
    cr_assert_not_null(endpoints);
    cr_assert_eq(count, 5);
    static const struct client_endpoint expected[] = {{"a", 1},
                                                      {"node-2.example.org", 65535},
                                                      {"10.0.0.3", CLIENT_DEFAULT_PORT},
                                                      {"::1", 7},
                                                      {"fe80::2", CLIENT_DEFAULT_PORT}};
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_str_eq(endpoints[i].host, expected[i].host);
        cr_assert_eq(endpoints[i].port, expected[i].port);
    }
    free(endpoints);
}

Test(endpoint, what_is_no_list_is_refused)
{
    static const char *const bad[] = {"",        ":7400", "a:",   "a:0",   "a:65536",
                                      "a:7x",    "a:1,",  ",a:1", "[::1",  "[::1]7",
                                      "[]:7400", "a b:1", "a:-1", "a:1:2", "a:000001"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t count;
        cr_assert_null(client_endpoints_new(bad[i], &count), "%s", bad[i]);
    }
}

Test(endpoint, no_more_seeds_than_the_limit)
{
    char text[2 * CLIENT_SEEDS_MAX + 2] = "";
    uint32_t count;
    for (int i = 0; i < CLIENT_SEEDS_MAX; i++)
        strcat(text, i == 0 ? "a" : ",a");
    struct client_endpoint *endpoints = client_endpoints_new(text, &count);
    cr_assert_not_null(endpoints);
    cr_assert_eq(count, CLIENT_SEEDS_MAX);
    free(endpoints);
    strcat(text, ",a");
    cr_assert_null(client_endpoints_new(text, &count));
}

Test(endpoint, numbers_resolve_to_themselves)
{
    struct client_endpoint endpoint = {"127.0.0.1", 7400};
    struct client_address address;
    const char *why = NULL;
    cr_assert(client_endpoint_resolve(&endpoint, 5, &address, &why));
    struct sockaddr_in expected;
    memcpy(&expected, &address.storage, sizeof expected);
    cr_assert_eq(expected.sin_family, AF_INET);
    cr_assert_eq(ntohs(expected.sin_port), 7400);
    cr_assert_eq(ntohl(expected.sin_addr.s_addr), INADDR_LOOPBACK);
}

Test(endpoint, a_name_without_address_says_why)
{
    struct client_endpoint endpoint = {"no-such-host.invalid", 7400};
    struct client_address address;
    const char *why = NULL;
    cr_assert_not(client_endpoint_resolve(&endpoint, 0, &address, &why));
    cr_assert_not_null(why);
}
