// SPDX-License-Identifier: Apache-2.0
#include "node/seeds.h"

#include "cluster/base/memory.h"
#include "cluster/model/limits.h"

#include <ctype.h>
#include <stdio.h>

static bool is_separator(uint8_t byte)
{
    return byte == ',' || isspace(byte);
}

bool node_name_is_valid(struct bytes name)
{
    if (name.size == 0 || name.size > NODE_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t byte = name.data[i];
        if (!isalnum(byte) && byte != '-' && byte != '_' && byte != '.')
            return false;
    }
    return true;
}

static bool port_parse(struct bytes text, uint16_t *port)
{
    uint32_t number = 0;
    if (text.size == 0 || text.size > 5)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!isdigit(text.data[i]))
            return false;
        number = number * 10 + (uint32_t)(text.data[i] - '0');
    }
    *port = (uint16_t)number;
    return number >= 1 && number <= UINT16_MAX;
}

// Takes the brackets off an IPv6 address; NULL data: neither a host nor an address in brackets.
static struct bytes host_strip(struct bytes host)
{
    bool bracketed = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    struct bytes bare = bracketed ? bytes_of(host.data + 1, host.size - 2) : host;
    bool has_colon = memchr(bare.data, ':', bare.size) != NULL;
    if (bare.size == 0 || bare.size >= sizeof(((struct seed *)0)->host) || has_colon != bracketed ||
        memchr(bare.data, '[', bare.size) != NULL)
        return bytes_of(NULL, 0);
    return bare;
}

// NULL, or what is wrong (static storage).
static const char *seed_parse(struct bytes word, struct seed *seed)
{
    const uint8_t *end = word.data + word.size;
    const uint8_t *colon = memrchr(word.data, ':', word.size);
    const uint8_t *bracket = memrchr(word.data, ']', word.size);
    bool has_port = colon != NULL && (bracket == NULL || colon > bracket);
    struct bytes host = bytes_of(word.data, has_port ? (size_t)(colon - word.data) : word.size);
    struct bytes bare = host_strip(host);
    if (memchr(host.data, '@', host.size) != NULL)
        return "names a node before the '@': only host:port is needed";
    if (bare.data == NULL)
        return "needs a host of 1 to 255 bytes, an IPv6 address in brackets";
    seed->port = SEED_PORT_DEFAULT;
    if (has_port && !port_parse(bytes_of(colon + 1, (size_t)(end - colon - 1)), &seed->port))
        return "needs a port from 1 to 65535 after the last ':'";
    memcpy(seed->host, bare.data, bare.size);
    return NULL;
}

static bool seed_is_repeated(const struct seed *seeds, uint32_t count)
{
    const struct seed *last = &seeds[count - 1];
    for (uint32_t i = 0; i + 1 < count; i++) {
        if (seeds[i].port == last->port && strcmp(seeds[i].host, last->host) == 0)
            return true;
    }
    return false;
}

// Takes the next word off *text; size 0: there is none.
static struct bytes word_next(struct bytes *text)
{
    size_t start = 0;
    while (start < text->size && is_separator(text->data[start]))
        start++;
    size_t end = start;
    while (end < text->size && !is_separator(text->data[end]))
        end++;
    struct bytes word = bytes_of(text->data + start, end - start);
    *text = bytes_of(text->data + end, text->size - end);
    return word;
}

bool seeds_parse(struct bytes text, struct seed **seeds, uint32_t *count, char *why)
{
    struct seed *list = NULL;
    uint32_t used = 0;
    const char *wrong = NULL;
    struct bytes word;
    while (wrong == NULL && text.size > 0 && (word = word_next(&text)).size > 0) {
        if (used == SEEDS_MAX) {
            wrong = "is one too many: at most 64 seeds";
        } else {
            list = memory_resize_array(list, used + 1, sizeof(*list));
            list[used] = (struct seed){0};
            wrong = seed_parse(word, &list[used++]);
        }
        if (wrong == NULL && seed_is_repeated(list, used))
            wrong = "is listed twice";
    }
    if (wrong != NULL) {
        int shown = word.size < 100 ? (int)word.size : 100;
        snprintf(why, SEEDS_WHY_BYTES, "'%.*s' %s", shown, (const char *)word.data, wrong);
        free(list);
        return false;
    }
    *seeds = list;
    *count = used;
    return true;
}
