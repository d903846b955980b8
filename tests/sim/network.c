// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/network.h"

#include "tests/sim/stream.h"

struct datagram {
    struct network *network;
    struct list link;
    uint32_t from;
    uint32_t to;
    size_t size;
    uint8_t data[];
};

void network_init(struct network *network, struct timeline *timeline, struct trace *trace,
                  uint64_t seed)
{
    *network = (struct network){.timeline = timeline, .trace = trace, .random = {.state = seed}};
    list_init(&network->datagrams);
    list_init(&network->streams);
}

void network_deinit(struct network *network)
{
    struct list *link;
    while ((link = list_pop(&network->datagrams)) != NULL)
        free(LIST_ENTRY(link, struct datagram, link));
    streams_free(network);
}

void network_heal(struct network *network)
{
    for (uint32_t from = 0; from < HOSTS_MAX; from++) {
        for (uint32_t to = 0; to < HOSTS_MAX; to++)
            network->paths[from][to] = (struct path){0};
    }
}

bool network_passes(const struct network *network, uint32_t from, uint32_t to)
{
    return network->hosts[to].is_up && !network->paths[from][to].is_cut;
}

uint64_t network_delay_us(struct network *network, uint32_t from, uint32_t to)
{
    const struct weather *weather = &network->weather;
    uint64_t delay_us =
        weather->delay_min_us + random_below(&network->random, weather->delay_spread_us + 1);
    if (random_below(&network->random, 1000) < weather->late_per_mille)
        delay_us += random_below(&network->random, weather->late_us + 1);
    uint32_t slow_us = network->paths[from][to].slow_us;
    return delay_us + (slow_us ? slow_us / 2 + random_below(&network->random, slow_us) : 0);
}

bool network_postpone(struct network *network, uint32_t host,
                      void (*run)(void *context, uint64_t argument), void *context,
                      uint64_t argument)
{
    uint64_t until_us = network->hosts[host].paused_until_us;
    if (until_us <= network->timeline->now_us)
        return false;
    timeline_plan(network->timeline, until_us, run, context, argument);
    return true;
}

static void datagram_arrive(void *context, uint64_t argument)
{
    struct datagram *datagram = context;
    struct network *network = datagram->network;
    if (network_postpone(network, datagram->to, datagram_arrive, context, argument))
        return;
    const struct host *host = &network->hosts[datagram->to];
    list_remove(&datagram->link);
    if (host->is_up) {
        trace_note(network->trace, network->timeline->now_us, "datagram", datagram->from,
                   datagram->to, datagram->size);
        host->datagram(host->context, bytes_of(datagram->data, datagram->size));
    }
    free(datagram);
}

static void datagram_plan(struct network *network, uint32_t from, uint32_t to, struct bytes data)
{
    struct datagram *datagram = memory_new(sizeof *datagram + data.size);
    datagram->network = network;
    datagram->from = from;
    datagram->to = to;
    datagram->size = data.size;
    memcpy(datagram->data, data.data, data.size);
    list_append(&network->datagrams, &datagram->link);
    timeline_plan(network->timeline,
                  network->timeline->now_us + network_delay_us(network, from, to), datagram_arrive,
                  datagram, 0);
}

void network_send(struct network *network, uint32_t from, uint32_t to, struct bytes data)
{
    const struct weather *weather = &network->weather;
    const struct path *path = &network->paths[from][to];
    uint64_t loss_per_mille = weather->loss_per_mille > path->loss_per_mille
                                  ? weather->loss_per_mille
                                  : path->loss_per_mille;
    network->datagram_count++;
    if (!network_passes(network, from, to) ||
        random_below(&network->random, 1000) < loss_per_mille) {
        network->lost_count++;
        return;
    }
    datagram_plan(network, from, to, data);
    if (random_below(&network->random, 1000) < weather->twice_per_mille)
        datagram_plan(network, from, to, data);
}
