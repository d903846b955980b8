// SPDX-License-Identifier: Apache-2.0
#include "node/option.h"

#include "cluster/base/name.h"

#include "node/seeds.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <strings.h>

#define FIELD(name) offsetof(struct config, name)

static const char name_range[] = "1 to 63 letters, digits, '.', '-' or '_'";

const struct option options[] = {
    {"node-name", "node", OPTION_NAME, FIELD(node_name), 0, 0, "", "n1",
     "Name of this node; no other node of the grid may have it."},
    {"workers", "node", OPTION_NUMBER, FIELD(workers), 0, WORKERS_MAX, "threads", "0",
     "Threads that serve connections and partitions; 0: one for each core that the node may use."},
    {"bind", "network", OPTION_TEXT, FIELD(bind), 0, 0, "", "127.0.0.1",
     "Address to listen on; 0.0.0.0 or :: for all. Clients are not authenticated: see README."},
    {"port", "network", OPTION_PORT, FIELD(port), 0, UINT16_MAX, "", "7400",
     "Port for clients and peers; 0: any free one."},
    {"advertise", "network", OPTION_TEXT, FIELD(advertise), 0, 0, "", "",
     "Host under which clients and other nodes reach this one; empty: as bind."},
    {"max-connections", "network", OPTION_NUMBER, FIELD(max_connections), 1, 1000000, "connections",
     "10000", "Connections at a time, of clients and peers together."},
    {"connection-output-max-bytes", "network", OPTION_BYTES, FIELD(connection_output_max_bytes),
     64 * KIB, 16 * GIB, "bytes", "16M",
     "What waits for one client that reads too slowly. Beyond it its subscriptions read the log "
     "later, or end, as they have chosen."},
    {"subscribers-output-max-bytes", "network", OPTION_BYTES, FIELD(subscribers_output_max_bytes),
     MIB, 64 * GIB, "bytes", "256M",
     "What waits for all subscribers together. Beyond it none may have more than 256K waiting."},
    {"max-memory-bytes", "store", OPTION_BYTES, FIELD(max_memory_bytes), 0, 1024 * 1024 * GIB,
     "bytes", "0",
     "Memory for entries and partition logs; beyond it writes are refused with OUT_OF_MEMORY. 0: "
     "three quarters of the machine's memory."},
    {"log-max-bytes", "store", OPTION_BYTES, FIELD(log_max_bytes), MIB, 1024 * GIB, "bytes", "64M",
     "Latest changes kept for backups and subscribers to catch up from, all partitions together."},
    {"max-value-bytes", "store", OPTION_BYTES, FIELD(max_value_bytes), KIB, VALUE_BYTES_MAX,
     "bytes", "16777215", "Size of the largest value that a write may store."},
    {"always-evaluated-max", "store", OPTION_NUMBER, FIELD(always_evaluated_max), 1, 1000000,
     "predicates", "1000",
     "Standing queries that no access key can find, so that every change is compared with each; "
     "more are refused."},
    {"grid-name", "grid", OPTION_NAME, FIELD(grid_name), 0, 0, "", "nowgrid",
     "Name of the grid; nodes and clients of another grid are turned away."},
    {"secret", "grid", OPTION_SECRET, FIELD(secret), 0, 0, "", "",
     "What nodes show each other; the same on every node. It travels as it is: it keeps strangers "
     "out of a trusted network, no more."},
    {"seeds", "grid", OPTION_SEEDS, 0, 0, 0, "", "",
     "Where other nodes may be found: host:port, ...; a name may have several addresses. Empty: "
     "this node founds a grid of its own."},
    {"bootstrap-expect", "grid", OPTION_NUMBER, FIELD(bootstrap_expect), 0, 64, "nodes", "0",
     "So many nodes found the grid together, once they see each other; the same on all of them. 0: "
     "this node joins a grid that is there (without seeds: it founds one alone)."},
    {"role", "grid", OPTION_ROLE, FIELD(role), 0, 0, "", "data",
     "data, or witness: votes in agreement and holds no data, so that two data nodes can fail "
     "over."},
    {"zone", "grid", OPTION_LABEL, FIELD(zone), 0, 0, "", "",
     "Rack, building or provider's zone: copies of an entry go to different ones."},
    {"weight", "grid", OPTION_NUMBER, FIELD(weight), 1, 100, "shares", "1",
     "Share of the data that this node takes, compared to the others."},
    {"voters", "grid", OPTION_NUMBER, FIELD(voters), 3, VOTERS_MAX, "nodes", "5",
     "Members that vote on the view, chosen and replaced by themselves: 3, 5 or 7."},
    {"partitions", "grid", OPTION_NUMBER, FIELD(partitions), 1, PARTITIONS_MAX, "partitions",
     "1024", "Parts that the key space is split into; the same on every node."},
    {"backups", "grid", OPTION_NUMBER, FIELD(backups), 0, REPLICAS_MAX - 1, "copies", "1",
     "Further copies of each entry, on other nodes; the same on every node."},
    {"replication-timeout-ms", "grid", OPTION_NUMBER, FIELD(replication_timeout_ms), 10, 600000,
     "milliseconds", "5000",
     "How long a write waits for its backups; then it fails with INDETERMINATE."},
    {"min-in-sync", "grid", OPTION_NUMBER, FIELD(min_in_sync), 1, REPLICAS_MAX, "copies", "1",
     "Writes are refused with TOO_FEW_COPIES while fewer copies than this are in sync; the same on "
     "every node."},
    {"backup-timeout-ms", "grid", OPTION_NUMBER, FIELD(backup_timeout_ms), 10, 600000,
     "milliseconds", "1000",
     "How long a backup may keep writes waiting before it is taken out of the copies in sync."},
    {"heartbeat-ms", "agreement", OPTION_NUMBER, FIELD(heartbeat_ms), 10, 10000, "milliseconds",
     "200", "Time between two signs of life to the leader."},
    {"election-ms", "agreement", OPTION_NUMBER, FIELD(election_ms), 40, 60000, "milliseconds",
     "250", "Silence of the leader after which another one is elected, within twice this time."},
    {"lease-ms", "agreement", OPTION_NUMBER, FIELD(lease_ms), 50, 60000, "milliseconds", "900",
     "How long a node serves without having heard from the leader."},
    {"suspect-ms", "agreement", OPTION_NUMBER, FIELD(suspect_ms), 60, 60000, "milliseconds", "1000",
     "Silence after which a node's partitions are given to others; a tenth above lease-ms, at "
     "least."},
    {"remove-ms", "agreement", OPTION_NUMBER, FIELD(remove_ms), 60, 3600000, "milliseconds", "2000",
     "Silence after which a node is removed, and its copies are made anew elsewhere."},
    {"leave-timeout-ms", "agreement", OPTION_NUMBER, FIELD(leave_timeout_ms), 0, 3600000,
     "milliseconds", "30000",
     "How long a node that is asked to stop moves its data away first; 0: not at all."},
    {"clock-skew-max-ms", "agreement", OPTION_NUMBER, FIELD(clock_skew_max_ms), 100, 86400000,
     "milliseconds", "10000", "A node whose clock is farther off may not join."},
    {"migration-parallel", "migration", OPTION_NUMBER, FIELD(migration_parallel), 1, 1024,
     "partitions", "2", "Partitions that a node receives at a time."},
    {"migration-max-bytes-per-s", "migration", OPTION_BYTES, FIELD(migration_max_bytes_per_s), 0,
     1024 * GIB, "bytes", "64M",
     "What this node sends at most to fill copies on others; 0: no limit."},
    {"log-level", "log", OPTION_LEVEL, FIELD(log_level), 0, 0, "", "info",
     "Least important messages that are logged."},
    {"log-file", "log", OPTION_TEXT, FIELD(log_file), 0, 0, "", "",
     "File to append log lines to, opened again on SIGHUP; empty: standard error."},
};
const size_t option_count = sizeof(options) / sizeof(options[0]);

static_assert(sizeof(options) / sizeof(options[0]) <= OPTIONS_MAX, "OPTIONS_MAX is too small");

const struct option *option_find(const char *name)
{
    for (size_t i = 0; i < option_count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

bool option_section_is_known(const char *section)
{
    for (size_t i = 0; i < option_count; i++)
        if (strcmp(options[i].section, section) == 0)
            return true;
    return false;
}

const struct option *option_nearest(const char *name)
{
    const struct option *nearest = NULL;
    size_t size = strlen(name);
    size_t best = size / 2 < 4 ? size / 2 + 1 : 5; // further away is not a typing mistake
    for (size_t i = 0; i < option_count; i++) {
        size_t distance = name_distance(bytes_of_text(name), bytes_of_text(options[i].name));
        if (distance < best) {
            best = distance;
            nearest = &options[i];
        }
    }
    return nearest;
}

static void bytes_describe(uint64_t bytes, char *text, size_t capacity)
{
    static const char suffixes[] = {0, 'K', 'M', 'G', 'T'};
    size_t power = 0;
    while (bytes != 0 && bytes % 1024 == 0 && power + 1 < sizeof(suffixes)) {
        bytes /= 1024;
        power++;
    }
    snprintf(text, capacity, "%" PRIu64 "%.1s", bytes, &suffixes[power]);
}

void option_describe_range(const struct option *option, char *text)
{
    char low[32];
    char high[32];
    switch (option->type) {
    case OPTION_NAME:
        snprintf(text, OPTION_WHY_BYTES, "%s", name_range);
        break;
    case OPTION_LABEL:
        snprintf(text, OPTION_WHY_BYTES, "empty, or %s", name_range);
        break;
    case OPTION_TEXT:
        snprintf(text, OPTION_WHY_BYTES, "up to %d bytes", CONFIG_TEXT_BYTES_MAX);
        break;
    case OPTION_SEEDS:
        snprintf(text, OPTION_WHY_BYTES, "up to %d seeds", SEEDS_MAX);
        break;
    case OPTION_SECRET:
        snprintf(text, OPTION_WHY_BYTES, "up to %d bytes", SECRET_BYTES_MAX);
        break;
    case OPTION_ROLE:
        snprintf(text, OPTION_WHY_BYTES, "data or witness");
        break;
    case OPTION_LEVEL:
        snprintf(text, OPTION_WHY_BYTES, "debug, info, warn or error");
        break;
    case OPTION_BYTES:
        bytes_describe(option->min, low, sizeof(low));
        bytes_describe(option->max, high, sizeof(high));
        snprintf(text, OPTION_WHY_BYTES, "%s to %s %s", low, high, option->unit);
        break;
    case OPTION_NUMBER:
    case OPTION_PORT:
        snprintf(text, OPTION_WHY_BYTES, "%" PRIu64 " to %" PRIu64 "%s%s", option->min, option->max,
                 option->unit[0] == '\0' ? "" : " ", option->unit);
        break;
    }
}

// Digits only: strtoull alone would take "-1" and " 7". False: not a number that fits.
static bool number_parse(const char *text, bool with_suffix, uint64_t *number)
{
    static const char suffixes[] = "KMGT";
    char *end;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    uint64_t value = strtoull(text, &end, 10);
    if (errno == ERANGE)
        return false;
    if (with_suffix && *end != '\0') {
        const char *suffix = strchr(suffixes, toupper((unsigned char)*end));
        if (suffix == NULL)
            return false;
        unsigned shift = 10 * (unsigned)(suffix - suffixes + 1);
        if (value > UINT64_MAX >> shift)
            return false;
        value <<= shift;
        end++;
    }
    *number = value;
    return *end == '\0';
}

static bool number_set(const struct option *option, const char *text, void *field)
{
    uint64_t number;
    if (!number_parse(text, option->type == OPTION_BYTES, &number) || number < option->min ||
        number > option->max)
        return false;
    if (option->type == OPTION_PORT)
        *(uint16_t *)field = (uint16_t)number;
    else if (option->type == OPTION_NUMBER)
        *(uint32_t *)field = (uint32_t)number;
    else
        *(uint64_t *)field = number;
    return true;
}

static bool text_set(const struct option *option, const char *text, char *field)
{
    size_t size = strlen(text);
    bool is_name = option->type == OPTION_NAME || (option->type == OPTION_LABEL && size > 0);
    size_t bytes_max = option->type == OPTION_SECRET ? SECRET_BYTES_MAX : CONFIG_TEXT_BYTES_MAX;
    if (is_name ? !node_name_is_valid(bytes_of(text, size)) : size > bytes_max)
        return false;
    memcpy(field, text, size + 1);
    return true;
}

static bool level_set(const char *text, enum log_level *field)
{
    for (unsigned level = 0; level < LOG_LEVEL_COUNT; level++) {
        if (strcasecmp(log_level_name((enum log_level)level), text) == 0) {
            *field = (enum log_level)level;
            return true;
        }
    }
    return false;
}

static bool role_set(const char *text, enum member_role *field)
{
    bool is_witness = strcasecmp(text, "witness") == 0;
    *field = is_witness ? MEMBER_WITNESS : MEMBER_DATA;
    return is_witness || strcasecmp(text, "data") == 0;
}

static bool field_set(const struct option *option, const char *text, void *field)
{
    switch (option->type) {
    case OPTION_NAME:
    case OPTION_LABEL:
    case OPTION_TEXT:
    case OPTION_SECRET:
        return text_set(option, text, field);
    case OPTION_ROLE:
        return role_set(text, field);
    case OPTION_LEVEL:
        return level_set(text, field);
    case OPTION_NUMBER:
    case OPTION_PORT:
    case OPTION_BYTES:
        return number_set(option, text, field);
    case OPTION_SEEDS:
        break;
    }
    return false;
}

bool option_parse(const struct option *option, const char *text, struct config *config, char *why)
{
    CHECK(option->type != OPTION_SEEDS);
    if (field_set(option, text, (char *)config + option->offset))
        return true;
    char range[OPTION_WHY_BYTES];
    option_describe_range(option, range);
    if (option->type == OPTION_SECRET)
        text = "(a secret)";
    snprintf(why, OPTION_WHY_BYTES, "'%.80s' is not in range: %.300s", text, range);
    return false;
}

static const char *type_word(enum option_type type)
{
    switch (type) {
    case OPTION_NAME:
    case OPTION_LABEL:
        return "NAME";
    case OPTION_TEXT:
    case OPTION_SECRET:
        return "TEXT";
    case OPTION_SEEDS:
        return "HOST:PORT,...";
    case OPTION_ROLE:
        return "ROLE";
    case OPTION_NUMBER:
    case OPTION_PORT:
        return "NUMBER";
    case OPTION_BYTES:
        return "BYTES";
    case OPTION_LEVEL:
        return "LEVEL";
    }
    return "";
}

// Breaks at blanks, so that a line of help fits into 80 columns.
static void paragraph_print(FILE *out, const char *text)
{
    enum { INDENT = 6, WIDTH = 74 };
    while (*text != '\0') {
        size_t size = strlen(text);
        if (size > WIDTH) {
            size = WIDTH;
            while (text[size] != ' ')
                size--;
        }
        fprintf(out, "%*s%.*s\n", INDENT, "", (int)size, text);
        text += size;
        text += strspn(text, " ");
    }
}

void options_print(FILE *out)
{
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &options[i];
        char range[OPTION_WHY_BYTES];
        option_describe_range(option, range);
        fprintf(out, "  --%s=%s\n", option->name, type_word(option->type));
        paragraph_print(out, option->help);
        fprintf(out, "      Range: %s. Default: %s\n", range,
                option->default_text[0] == '\0' ? "empty" : option->default_text);
    }
}
