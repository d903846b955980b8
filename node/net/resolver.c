// SPDX-License-Identifier: Apache-2.0
#include "node/net/resolver.h"

#include "cluster/base/list.h"
#include "cluster/base/memory.h"
#include "node/net/address.h"
#include "node/worker/worker.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

struct name {
    struct resolver *resolver;
    struct list all_link;
    char host[256];
    struct peer_address addresses[RESOLVER_ADDRESSES_MAX]; // with port 0
    uint32_t address_count;
    uint64_t asked_us;                         // 0: never
    struct evdns_getaddrinfo_request *request; // NULL: none is under way
    bool is_answered;                          // the request was answered before it was returned
};

struct resolver {
    struct event_base *base;
    struct evdns_base *dns;
    void (*changed)(void *context);
    void *context;
    struct list names; // oldest first
    uint32_t name_count;
};

struct resolver *resolver_new(struct event_base *base, void (*changed)(void *context),
                              void *context)
{
    struct resolver *resolver = memory_new(sizeof *resolver);
    resolver->base = base;
    resolver->changed = changed;
    resolver->context = context;
    list_init(&resolver->names);
    return resolver;
}

// Made when a name is to be asked for: most grids go by addresses. A system without name servers
// still has its hosts file.
static struct evdns_base *resolver_dns(struct resolver *resolver)
{
    if (resolver->dns)
        return resolver->dns;
    resolver->dns = evdns_base_new(resolver->base, EVDNS_BASE_INITIALIZE_NAMESERVERS |
                                                       EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (!resolver->dns)
        resolver->dns = evdns_base_new(resolver->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    CHECK(resolver->dns != NULL);
    evdns_base_load_hosts(resolver->dns, "/etc/hosts");
    return resolver->dns;
}

static void name_free(struct name *name)
{
    if (name->request)
        evdns_getaddrinfo_cancel(name->request);
    list_remove(&name->all_link);
    name->resolver->name_count--;
    free(name);
}

void resolver_free(struct resolver *resolver)
{
    // A cancelled request calls back from the loop: without the base it is dropped here.
    if (resolver->dns)
        evdns_base_free(resolver->dns, 0);
    struct list *link;
    while ((link = list_pop(&resolver->names)) != NULL)
        free(LIST_ENTRY(link, struct name, all_link));
    free(resolver);
}

static struct peer_address with_port(const struct peer_address *address, uint16_t port)
{
    struct peer_address result = *address;
    if (address_socket(address)->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)result.bytes)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)result.bytes)->sin_port = htons(port);
    return result;
}

static bool addresses_equal(const struct name *name, const struct peer_address *addresses,
                            uint32_t count)
{
    return count == name->address_count &&
           memcmp(addresses, name->addresses, count * sizeof *addresses) == 0;
}

// Called by evdns: at once, or from the loop.
static void on_answer(int failure, struct evutil_addrinfo *found, void *context)
{
    struct name *name = context;
    struct peer_address addresses[RESOLVER_ADDRESSES_MAX];
    uint32_t count = 0;
    if (failure == EVUTIL_EAI_CANCEL)
        return;
    memset(addresses, 0, sizeof addresses);
    for (const struct evutil_addrinfo *it = found; failure == 0 && it; it = it->ai_next) {
        if (count == RESOLVER_ADDRESSES_MAX)
            break;
        address_set(&addresses[count++], it->ai_addr, it->ai_addrlen);
    }
    if (found)
        evutil_freeaddrinfo(found);
    name->request = NULL;
    name->is_answered = true;
    if (count == 0 || addresses_equal(name, addresses, count))
        return; // what was known stays
    memcpy(name->addresses, addresses, count * sizeof *addresses);
    name->address_count = count;
    name->resolver->changed(name->resolver->context);
}

static void name_ask(struct name *name)
{
    const struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    name->asked_us = worker_clock_us();
    name->is_answered = false;
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(resolver_dns(name->resolver), name->host, NULL, &hints, on_answer, name);
    name->request = name->is_answered ? NULL : request;
}

static struct name *name_find(struct resolver *resolver, const char *host)
{
    for (struct list *link = resolver->names.next; link != &resolver->names; link = link->next) {
        struct name *name = LIST_ENTRY(link, struct name, all_link);
        if (strcmp(name->host, host) == 0)
            return name;
    }
    if (resolver->name_count == RESOLVER_NAMES_MAX)
        name_free(LIST_ENTRY(resolver->names.next, struct name, all_link));
    struct name *name = memory_new(sizeof *name);
    name->resolver = resolver;
    snprintf(name->host, sizeof name->host, "%s", host);
    list_append(&resolver->names, &name->all_link);
    resolver->name_count++;
    return name;
}

static bool numeric_find(const char *host, struct peer_address *address)
{
    int size = sizeof address->bytes;
    char text[256 + 2];
    // The parser wants an IPv6 address in brackets.
    snprintf(text, sizeof text, strchr(host, ':') ? "[%s]" : "%s", host);
    memset(address, 0, sizeof *address);
    if (evutil_parse_sockaddr_port(text, (struct sockaddr *)(void *)address->bytes, &size) != 0)
        return false;
    address->size = (uint32_t)size;
    return true;
}

uint32_t resolver_find(struct resolver *resolver, const char *host, uint16_t port,
                       struct peer_address *addresses, uint32_t capacity)
{
    struct peer_address numeric;
    if (numeric_find(host, &numeric)) {
        addresses[0] = with_port(&numeric, port);
        return 1;
    }
    struct name *name = name_find(resolver, host);
    uint64_t age_us = worker_clock_us() - name->asked_us;
    if (!name->request && (name->asked_us == 0 || age_us > RESOLVER_FRESH_MS * UINT64_C(1000)))
        name_ask(name);
    uint32_t count = name->address_count < capacity ? name->address_count : capacity;
    for (uint32_t i = 0; i < count; i++)
        addresses[i] = with_port(&name->addresses[i], port);
    return count;
}

void address_describe(const struct peer_address *address, char *host, size_t capacity,
                      uint16_t *port)
{
    char service[8] = "0";
    host[0] = '\0';
    getnameinfo(address_socket(address), address->size, host, (socklen_t)capacity, service,
                sizeof service, NI_NUMERICHOST | NI_NUMERICSERV);
    *port = (uint16_t)strtoul(service, NULL, 10);
}
