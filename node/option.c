// SPDX-License-Identifier: Apache-2.0
#include "node/option.h"

#include "cluster/base/name.h"

#include "node/members.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <strings.h>

#define FIELD(name) offsetof(struct config, name)

static const char name_range[] = "1 to 63 letters, digits, '.', '-' or '_'";

const struct option options[] = {
    {"node-name", "node", OPTION_NAME, FIELD(node_name), 0, 0, "", "n1",
     "Name of this node; one of members, where members are given."},
    {"workers", "node", OPTION_NUMBER, FIELD(workers), 0, WORKERS_MAX, "threads", "0",
     "Threads that serve connections and partitions; 0: one for each core that the node may use."},
    {"bind", "network", OPTION_TEXT, FIELD(bind), 0, 0, "", "127.0.0.1",
     "Address to listen on; 0.0.0.0 or :: for all. There is no authentication yet: see README."},
    {"port", "network", OPTION_PORT, FIELD(port), 0, UINT16_MAX, "", "7400",
     "Port for clients and peers; 0: any free one. Where members are given and port is not, the "
     "node listens on its port in members."},
    {"advertise", "network", OPTION_TEXT, FIELD(advertise), 0, 0, "", "",
     "Host under which clients reach a node without members; empty: as bind."},
    {"max-connections", "network", OPTION_NUMBER, FIELD(max_connections), 1, 1000000, "connections",
     "10000", "Connections at a time, of clients and peers together."},
    {"connection-output-max-bytes", "network", OPTION_BYTES, FIELD(connection_output_max_bytes),
     64 * KIB, 16 * GIB, "bytes", "16M",
     "Answers waiting for one client that does not read. Beyond it the node stops reading from "
     "that client, and ends its subscriptions with SLOW_CONSUMER."},
    {"max-memory-bytes", "store", OPTION_BYTES, FIELD(max_memory_bytes), 0, 1024 * 1024 * GIB,
     "bytes", "0",
     "Memory for entries and partition logs; beyond it writes are refused with OUT_OF_MEMORY. 0: "
     "three quarters of the machine's memory."},
    {"log-max-bytes", "store", OPTION_BYTES, FIELD(log_max_bytes), MIB, 1024 * GIB, "bytes", "64M",
     "Latest changes kept for backups and subscribers to catch up from, all partitions together."},
    {"max-value-bytes", "store", OPTION_BYTES, FIELD(max_value_bytes), KIB, VALUE_BYTES_MAX,
     "bytes", "16777215", "Size of the largest value that a write may store."},
    {"grid-name", "grid", OPTION_NAME, FIELD(grid_name), 0, 0, "", "nowgrid",
     "Name of the grid; nodes and clients of another grid are turned away."},
    {"members", "grid", OPTION_MEMBERS, 0, 0, 0, "", "",
     "All nodes of the grid, this one too, the same list on every node: name@host:port, ... Empty: "
     "a grid of this node alone."},
    {"partitions", "grid", OPTION_NUMBER, FIELD(partitions), 1, PARTITIONS_MAX, "partitions",
     "1024", "Parts that the key space is split into; the same on every node."},
    {"backups", "grid", OPTION_NUMBER, FIELD(backups), 0, REPLICAS_MAX - 1, "copies", "1",
     "Further copies of each entry, on other nodes; the same on every node."},
    {"replication-timeout-ms", "grid", OPTION_NUMBER, FIELD(replication_timeout_ms), 10, 600000,
     "milliseconds", "5000",
     "How long a write waits for its backups; then it fails with INDETERMINATE."},
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
    case OPTION_TEXT:
        snprintf(text, OPTION_WHY_BYTES, "up to %d bytes", CONFIG_TEXT_BYTES_MAX);
        break;
    case OPTION_MEMBERS:
        snprintf(text, OPTION_WHY_BYTES, "up to %d members", MEMBERS_LISTED_MAX);
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
    bool is_name = option->type == OPTION_NAME;
    size_t size = strlen(text);
    if (is_name ? !member_name_is_valid(bytes_of(text, size)) : size > CONFIG_TEXT_BYTES_MAX)
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

static bool field_set(const struct option *option, const char *text, void *field)
{
    switch (option->type) {
    case OPTION_NAME:
    case OPTION_TEXT:
        return text_set(option, text, field);
    case OPTION_LEVEL:
        return level_set(text, field);
    case OPTION_NUMBER:
    case OPTION_PORT:
    case OPTION_BYTES:
        return number_set(option, text, field);
    case OPTION_MEMBERS:
        break;
    }
    return false;
}

bool option_parse(const struct option *option, const char *text, struct config *config, char *why)
{
    CHECK(option->type != OPTION_MEMBERS);
    if (field_set(option, text, (char *)config + option->offset))
        return true;
    char range[OPTION_WHY_BYTES];
    option_describe_range(option, range);
    snprintf(why, OPTION_WHY_BYTES, "'%.80s' is not in range: %.300s", text, range);
    return false;
}

static const char *type_word(enum option_type type)
{
    switch (type) {
    case OPTION_NAME:
        return "NAME";
    case OPTION_TEXT:
        return "TEXT";
    case OPTION_MEMBERS:
        return "NAME@HOST:PORT,...";
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
