// SPDX-License-Identifier: Apache-2.0
#include "bench/standing.h"

#include "bench/server_usage.h"
#include "cluster/base/units.h"

#include <unistd.h>

// Below so many, what else a process allocates meanwhile outweighs them.
enum { QUERIES_TO_WEIGH = 1000 };

static double resident_bytes(pid_t pid)
{
    struct server_usage usage;
    return server_usage_read(pid, &usage) ? (double)usage.resident_bytes : 0;
}

static double servers_resident_bytes(const struct settings *settings)
{
    double sum = 0;
    for (uint32_t i = 0; i < settings->server_count; i++)
        sum += resident_bytes(settings->servers[i]);
    return sum;
}

bool standing_init(struct standing *standing, const struct settings *settings,
                   const struct market *market, uint64_t limit_ns, char reason[static REASON_BYTES])
{
    *standing = (struct standing){.settings = settings};
    audience_start(&standing->audience, settings, market);
    if (!audience_await_connected(&standing->audience, limit_ns, reason))
        return false;
    double servers = servers_resident_bytes(settings), client = resident_bytes(getpid());
    bool subscribed = audience_subscribe(&standing->audience, limit_ns, reason);
    if (standing->audience.query_count >= QUERIES_TO_WEIGH) {
        standing->server_bytes = servers_resident_bytes(settings) - servers;
        standing->client_bytes = resident_bytes(getpid()) - client;
    }
    return subscribed;
}

void standing_deinit(struct standing *standing)
{
    audience_deinit(&standing->audience);
}

double standing_subscribe_seconds(const struct standing *standing)
{
    return (double)standing->audience.subscribe_ns / NS_PER_S;
}

void standing_print(FILE *out, const struct standing *standing)
{
    double count = (double)standing->audience.query_count;
    double seconds = standing_subscribe_seconds(standing);
    fprintf(out, "%.0f queries stand after %.3f s: %.0f subscriptions/s\n", count, seconds,
            count / seconds);
    if (count < QUERIES_TO_WEIGH)
        return;
    fprintf(out, "bytes per subscription: client %.0f", standing->client_bytes / count);
    if (standing->settings->server_count > 0)
        fprintf(out, ", servers %.0f", standing->server_bytes / count);
    fprintf(out, "; its text: %.0f\n", (double)standing->audience.text_bytes / count);
}

json_t *standing_json(const struct standing *standing)
{
    const struct audience *audience = &standing->audience;
    return json_pack("{s:I, s:I, s:f, s:I, s:f, s:f}", "queries", (json_int_t)audience->query_count,
                     "subscribers", (json_int_t)standing->settings->subscribers,
                     "subscribe_seconds", standing_subscribe_seconds(standing), "text_bytes",
                     (json_int_t)audience->text_bytes, "server_bytes", standing->server_bytes,
                     "client_bytes", standing->client_bytes);
}
