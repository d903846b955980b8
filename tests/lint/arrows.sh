#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Checks who includes whom: tests/lint/arrows.sh ROOT FILE..., the files named from ROOT. The rules
# are those of docs/architecture.md; what is not allowed here is forbidden.
set -eu

root=$1
shift
if [ $# -eq 0 ]; then
    echo 'arrows: no files' >&2
    exit 1
fi
cd "$root"
awk '
# The part of the project that a file belongs to.
function part_of(path) {
    if (path ~ /^cluster\/[a-z]+\//) { split(path, p, "/"); return p[1] "/" p[2] }
    if (path ~ /^node\/(store|query|feed|shard|disk|worker|net|meta)\//) { split(path, p, "/"); return p[2] }
    if (path ~ /^node\/(log|config|seeds)\.[hc]$/) return "settings"
    if (path ~ /^node\/[a-z_]+\.[hc]$/) return "main"
    if (path ~ /^client\/(shell|examples)\//) { split(path, p, "/"); return p[2] }
    if (path == "client/grid.h") return "grid.h"
    if (path ~ /^client\/[a-z_]+\.[hc]$/) return "client"
    if (path ~ /^bench\/micro\//) return "micro"
    if (path ~ /^bench\/[a-z_]+\.[hc]$/) return "bench"
    if (path ~ /^tests\//) return "tests"
    if (path == "grammar.h") return "query"
    return "unknown"
}

function allow(from, to,    list, n, i) {
    n = split(to, list, " ")
    for (i = 1; i <= n; i++) allowed[from, list[i]] = 1
}

# Only these parts may include a system header that matches.
function reserve(pattern, parts) {
    reserved_pattern[++reserved_count] = pattern
    reserved_parts[reserved_count] = " " parts " "
}

function complain(text) {
    print FILENAME ":" FNR ": " text
    bad = 1
}

BEGIN {
    core = "cluster/base cluster/model"
    cluster = core " cluster/rules cluster/wire"
    node = "store query feed shard disk worker net meta settings"
    allow("cluster/model", "cluster/base")
    allow("cluster/rules", core)
    allow("cluster/wire", core)
    allow("store", cluster)
    allow("query", cluster " store")
    allow("feed", cluster " store query")
    allow("disk", cluster " store")
    allow("shard", cluster " store query feed")
    allow("worker", cluster " store query feed shard settings")
    allow("net", cluster " feed shard worker settings")
    allow("meta", cluster)
    allow("settings", core " main")
    allow("main", cluster " " node)
    allow("client", cluster " grid.h")
    allow("shell", "cluster/base client grid.h")
    allow("examples", "")
    allow("bench", cluster " client grid.h")
    allow("micro", cluster " " node " main bench")
    allow("tests", cluster " " node " main client grid.h shell bench micro")

    threads = "worker main bench micro tests"
    clocks = "worker client shell examples bench micro tests"
    reserve("^event2/", "main worker net client shell examples bench tests")
    reserve("^(pthread|threads|semaphore)\\.h$", threads)
    reserve("^urcu", threads)
    reserve("^(time|sys/time|sys/timerfd)\\.h$", clocks)
    reserve("^(sys/socket|sys/un|netdb|arpa/inet|netinet/.*)\\.h$", \
            "net client shell bench tests")
    reserve("^(ini)\\.h$", "settings main tests")
    reserve("^msgpack", "client shell bench tests")
    reserve("^jansson\\.h$", "client shell bench tests")
    reserve("^(histedit|editline/.*)\\.h$", "shell tests")
    reserve("^criterion/", "tests")
}

FNR == 1 {
    part = part_of(FILENAME)
    if (part == "unknown") complain("this file is in no part of the project")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    split($0, piece, "\"")
    if (part == "examples" && piece[2] == "grid.h") next
    target = part_of(piece[2])
    if (target != part && !((part, target) in allowed))
        complain(part " must not include \"" piece[2] "\" (" target ")")
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    split($0, piece, /[<>]/)
    # The log belongs to the level of main, and stamps its lines.
    if (FILENAME == "node/log.c" && piece[2] == "time.h") next
    for (i = 1; i <= reserved_count; i++)
        if (piece[2] ~ reserved_pattern[i] && index(reserved_parts[i], " " part " ") == 0)
            complain(part " must not include <" piece[2] ">")
}

# Headers of threads and events bring the clock along.
/(clock_gettime|gettimeofday|[^a-z_]time\(NULL\))/ {
    if (index(" " clocks " ", " " part " ") == 0 && FILENAME != "node/log.c")
        complain(part " must not read a clock")
}

END { exit bad }
' "$@"
