// SPDX-License-Identifier: Apache-2.0
#include "client/endpoint.h"

#include "client/bounds.h"
#include "cluster/base/memory.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>

static bool port_read(const char *text, size_t size, uint16_t *port)
{
    uint32_t number = 0;
    if (size == 0 || size > 5)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        number = number * 10 + (uint32_t)(text[i] - '0');
    }
    *port = (uint16_t)number;
    return number >= 1 && number <= UINT16_MAX;
}

static bool host_copy(struct client_endpoint *endpoint, const char *host, size_t size)
{
    if (size == 0 || size >= sizeof endpoint->host)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (isspace((unsigned char)host[i]))
            return false;
    }
    memcpy(endpoint->host, host, size);
    endpoint->host[size] = '\0';
    return true;
}

static bool endpoint_read(struct client_endpoint *endpoint, const char *text, size_t size)
{
    while (size > 0 && isspace((unsigned char)text[0])) {
        text++;
        size--;
    }
    while (size > 0 && isspace((unsigned char)text[size - 1]))
        size--;
    endpoint->port = CLIENT_DEFAULT_PORT;
    const char *end = text + size;
    const char *host_end;
    const char *rest;
    if (size > 0 && text[0] == '[') {
        text++;
        host_end = memchr(text, ']', (size_t)(end - text));
        if (!host_end)
            return false;
        rest = host_end + 1;
    } else {
        host_end = memchr(text, ':', size);
        if (!host_end)
            host_end = end;
        rest = host_end;
    }
    if (!host_copy(endpoint, text, (size_t)(host_end - text)))
        return false;
    if (rest == end)
        return true;
    return *rest == ':' && port_read(rest + 1, (size_t)(end - rest - 1), &endpoint->port);
}

struct client_endpoint *client_endpoints_new(const char *text, uint32_t *count)
{
    struct client_endpoint *endpoints = memory_new_array(CLIENT_SEEDS_MAX, sizeof *endpoints);
    *count = 0;
    for (;;) {
        size_t size = strcspn(text, ",");
        if (*count == CLIENT_SEEDS_MAX || !endpoint_read(&endpoints[*count], text, size)) {
            free(endpoints);
            return NULL;
        }
        ++*count;
        if (text[size] == '\0')
            return endpoints;
        text += size + 1;
    }
}

static struct addrinfo *addresses_look_up(const struct client_endpoint *endpoint, const char **why)
{
    char port[8];
    snprintf(port, sizeof port, "%u", endpoint->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    if (getaddrinfo(endpoint->host, port, &hints, &list) == 0)
        return list;
    hints.ai_flags = AI_NUMERICSERV;
    int failure = getaddrinfo(endpoint->host, port, &hints, &list);
    if (failure == 0)
        return list;
    *why = gai_strerror(failure);
    return NULL;
}

bool client_endpoint_resolve(const struct client_endpoint *endpoint, uint32_t turn,
                             struct client_address *address, const char **why)
{
    struct addrinfo *list = addresses_look_up(endpoint, why);
    if (!list)
        return false;
    uint32_t count = 0;
    for (struct addrinfo *at = list; at; at = at->ai_next)
        count++;
    struct addrinfo *chosen = list;
    for (uint32_t skip = turn % count; skip > 0; skip--)
        chosen = chosen->ai_next;
    CHECK(chosen->ai_addrlen <= sizeof address->storage);
    memcpy(&address->storage, chosen->ai_addr, chosen->ai_addrlen);
    address->bytes = chosen->ai_addrlen;
    freeaddrinfo(list);
    return true;
}
