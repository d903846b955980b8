#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The library's examples, each on the same grid of two nodes; twice, since a grid is not always new.
source "$(dirname "$0")/lib.sh"

first=$(free_port)
second=$(free_port)
while [ "$second" = "$first" ]; do
    second=$(free_port)
done
founders=(--seeds="127.0.0.1:$first, 127.0.0.1:$second" --bootstrap-expect=2)
start_node n1 --port="$first" "${founders[@]}"
start_node n2 --port="$second" "${founders[@]}"
case_ok 'two nodes start' wait_until node_is_ready n1
case_ok 'and find each other' wait_until node_is_ready n2

run_example() { # NAME ARGUMENT...
    local name=$1
    shift
    timeout 60 "$build/examples/$name" "127.0.0.1:$first,127.0.0.1:$second" "$@"
}

for round in first second; do
    for example in put_get async_pipeline watch live_result batch; do
        case_ok "$example runs, the $round time" run_example "$example"
    done
    case_ok "quakes runs, the $round time" run_example quakes tests/data/earthquakes.jsonl --quiet
done

says_why() {
    local status=0
    timeout 60 "$build/examples/put_get" 127.0.0.1:1 >"$scratch/out" 2>&1 || status=$?
    cat "$scratch/out"
    [ "$status" -eq 1 ] && grep -q 'Connection refused' "$scratch/out"
}

case_ok 'an example says why it cannot connect' says_why
