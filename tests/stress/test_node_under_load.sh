#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two nodes of several workers under load, with backups and subscriptions, in a build with a
# sanitizer: what is wrong between threads, the sanitizer's report says.
source "$(dirname "$0")/../system/lib.sh"

first=$(free_port)
second=$(free_port)
founders=(--seeds="127.0.0.1:$first,127.0.0.1:$second" --bootstrap-expect=2 --workers=2
    --partitions=64)
start_node n1 --port="$first" "${founders[@]}"
processes=$node
start_node n2 --port="$second" "${founders[@]}"
processes="$processes $node"
for name in n1 n2; do
    case_ok "$name becomes ready" wait_until node_is_ready "$name"
done

load() { # OPTION...
    timeout -k 5 60 "$build/grid-bench" "$@" --target "127.0.0.1:$first" --quiet
}

bench=(--records 2k --seconds 3 --warm-up 0)
case_ok 'a mixed load runs without an error' load run --workload mixed --connections 8 \
    --threads 2 --depth 16 "${bench[@]}"
case_ok 'scans and inserts run without an error' load run --workload e --connections 8 \
    --threads 2 "${bench[@]}"
case_ok 'standing queries run without an error' load cq --queries 50 --subscribers 4 --rate 500 \
    "${bench[@]}"
for process in $processes; do
    case_ok 'a node stops with status 0' stop_node "$process"
done
