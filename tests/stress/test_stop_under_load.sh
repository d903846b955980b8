#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Nodes that stop while hops, answers that wait for a backup and subscriptions are under way, in a
# build with a sanitizer: first the backup, then the primary that waits for it.
source "$(dirname "$0")/../system/lib.sh"

rounds=3

# Some worker has executed a good deal, and the bench has much left to do.
is_loaded() { # PORT
    local operations
    operations=$("$build/grid-shell" -o json -e stats "127.0.0.1:$1" 2>/dev/null |
        grep -oE '"operations": *[0-9]+' | grep -oE '[0-9]+' | sort -n | tail -n 1)
    [ "${operations:-0}" -gt 5000 ]
}

for ((round = 1; round <= rounds; round++)); do
    rm -f "$scratch"/*.log # whether a node is ready is read there
    first=$(free_port)
    second=$(free_port)
    founders=(--seeds="127.0.0.1:$first,127.0.0.1:$second" --bootstrap-expect=2 --workers=3
        --partitions=64)
    start_node n1 --port="$first" "${founders[@]}"
    processes=$node
    start_node n2 --port="$second" "${founders[@]}"
    processes="$node $processes"
    for name in n1 n2; do
        case_ok "round $round: $name becomes ready" wait_until node_is_ready "$name"
    done
    timeout -k 5 60 "$build/grid-bench" run --workload mixed --records 2k --connections 8 \
        --depth 64 --seconds 30 --warm-up 0 --target "127.0.0.1:$first" --quiet \
        >/dev/null 2>&1 &
    load=$!
    case_ok "round $round: the load is under way" wait_until is_loaded "$first"
    for process in $processes; do
        case_ok "round $round: a node stops under load with status 0" stop_node "$process"
    done
    wait "$load"
done
