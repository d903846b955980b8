// SPDX-License-Identifier: Apache-2.0
#include "node/members.h"

#include "cluster/base/memory.h"

#include <ctype.h>
#include <stdio.h>

static bool is_separator(uint8_t byte)
{
    return byte == ',' || isspace(byte);
}

bool member_name_is_valid(struct bytes name)
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
    if (bare.size == 0 || bare.size >= sizeof(((struct view_member *)0)->host) ||
        has_colon != bracketed || memchr(bare.data, '[', bare.size) != NULL)
        return bytes_of(NULL, 0);
    return bare;
}

// NULL, or what is wrong (static storage).
static const char *member_parse(struct bytes word, struct view_member *member)
{
    const uint8_t *end = word.data + word.size;
    const uint8_t *at = memchr(word.data, '@', word.size);
    const uint8_t *colon = memrchr(word.data, ':', word.size);
    if (at == NULL || colon == NULL || colon < at)
        return "is not of the form name@host:port";
    struct bytes name = bytes_of(word.data, (size_t)(at - word.data));
    if (!member_name_is_valid(name))
        return "needs a name of 1 to 63 letters, digits, '.', '-' or '_' before the '@'";
    struct bytes host = host_strip(bytes_of(at + 1, (size_t)(colon - at - 1)));
    if (host.data == NULL)
        return "needs a host of 1 to 255 bytes after the '@', an IPv6 address in brackets";
    if (!port_parse(bytes_of(colon + 1, (size_t)(end - colon - 1)), &member->port))
        return "needs a port from 1 to 65535 after the last ':'";
    memcpy(member->name, name.data, name.size);
    memcpy(member->host, host.data, host.size);
    return NULL;
}

static const char *duplicate_find(const struct view_member *members, uint32_t count)
{
    const struct view_member *last = &members[count - 1];
    for (uint32_t i = 0; i + 1 < count; i++) {
        if (strcmp(members[i].name, last->name) == 0)
            return "has the name of a member before it";
        if (members[i].port == last->port && strcmp(members[i].host, last->host) == 0)
            return "has the host and port of a member before it";
    }
    return NULL;
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

bool members_parse(struct bytes text, struct view_member **members, uint32_t *count, char *why)
{
    struct view_member *list = NULL;
    uint32_t used = 0;
    const char *wrong = NULL;
    struct bytes word;
    while (wrong == NULL && text.size > 0 && (word = word_next(&text)).size > 0) {
        if (used == MEMBERS_LISTED_MAX) {
            wrong = "is one too many: a grid has at most 1000 members";
        } else {
            list = memory_resize_array(list, used + 1, sizeof(*list));
            list[used] = (struct view_member){0};
            wrong = member_parse(word, &list[used++]);
        }
        if (wrong == NULL)
            wrong = duplicate_find(list, used);
    }
    if (wrong != NULL) {
        int shown = word.size < 100 ? (int)word.size : 100;
        snprintf(why, MEMBERS_WHY_BYTES, "'%.*s' %s", shown, (const char *)word.data, wrong);
        free(list);
        return false;
    }
    *members = list;
    *count = used;
    return true;
}
