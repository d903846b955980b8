// SPDX-License-Identifier: Apache-2.0
#include "tests/system/support/links.h"

#include "cluster/base/check.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool leads_to_node(const struct nodes *nodes, int descriptor)
{
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    if (getpeername(descriptor, (struct sockaddr *)&peer, &size) != 0 || peer.sin_family != AF_INET)
        return false;
    for (uint32_t i = 0; i < nodes->count; i++) {
        if (ntohs(peer.sin_port) == nodes->ports[i])
            return true;
    }
    return false;
}

uint32_t links_break(const struct nodes *nodes)
{
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;
    uint32_t count = 0;
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        int descriptor = atoi(entry->d_name);
        if (entry->d_name[0] != '.' && leads_to_node(nodes, descriptor))
            count += shutdown(descriptor, SHUT_RDWR) == 0;
    }
    closedir(directory);
    return count;
}
