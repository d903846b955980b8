#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# grid-bench against real nodes: each workload, continuous queries, what goes wrong.
source "$(dirname "$0")/lib.sh"

grid_bench=$build/grid-bench

output_has() { # STATUS PATTERN COMMAND...
    local wanted=$1 pattern=$2 status=0
    shift 2
    "$@" >"$scratch/output" 2>&1 || status=$?
    cat "$scratch/output"
    echo "exit status $status"
    [ "$status" -eq "$wanted" ] && grep -qE -- "$pattern" "$scratch/output"
}

port_1=$(free_port)
port_2=$(free_port)
founders=(--seeds="127.0.0.1:$port_1,127.0.0.1:$port_2" --bootstrap-expect=2 --workers=2)
start_node n1 --port="$port_1" "${founders[@]}"
pid=$node
start_node n2 --port="$port_2" "${founders[@]}"
case_ok 'node 1 becomes ready' wait_until node_is_ready n1
case_ok 'node 2 becomes ready' wait_until node_is_ready n2
short=(--target "127.0.0.1:$port_2" --records 1k --warm-up 0 --quiet)

for workload in a b c d e f get put mixed; do
    case_ok "workload $workload runs without errors or misses" output_has 0 \
        '^0 misses, 0 errors, 0 unfinished$' "$grid_bench" "${short[@]}" --workload "$workload" \
        --map "bench_$workload" --operations 2k --depth 4 --threads 2
done
case_ok 'an open loop has intended times for all operations' output_has 0 \
    '^0 misses, 0 errors, 0 unfinished$' "$grid_bench" "${short[@]}" --workload mixed \
    --rate 1k --seconds 0.5 --schedule fixed
case_ok 'cq misses no event' output_has 0 'matches per update; of [1-9][0-9]* expected events' \
    "$grid_bench" cq "${short[@]}" --map cq --queries 20 --match-rate 0.3 --subscribers 2 \
    --rate 1k --seconds 0.5
case_ok 'a sweep goes through its points' output_has 0 '^ *2 +200 +0\.01 \|' \
    "$grid_bench" cq "${short[@]}" --map sweep --sweep --queries 0,200 --match-rate 0,0.01 \
    --subscribers 2 --rounds 1 --round-seconds 0.1 --seconds 0.3 --rate 500
case_ok 'its JSON has them all' output_has 0 '"queries": 200' "$grid_bench" cq "${short[@]}" \
    --map sweep --sweep --queries 200 --match-rate 0 --subscribers 1 --rounds 1 \
    --round-seconds 0.1 --json -
for query in q1 q2 q3; do
    case_ok "nexmark $query delivers what the generator says" output_has 0 \
        'matches per update; of [1-9][0-9]* expected events' "$grid_bench" nexmark \
        --target "127.0.0.1:$port_2" --quiet --query "$query" --warm-up 0 --seconds 0.5 --rate 5k
done
case_ok 'results are JSON' output_has 0 '"server_cpu_us_per_operation": [0-9]' \
    "$grid_bench" "${short[@]}" --operations 1k --json - --server-pid "$pid"

case_ok 'a wrong option is named' output_has 2 '--depth: .deep. is not a whole number' \
    "$grid_bench" --depth deep
case_ok 'too few connections for the workers are refused' output_has 1 'need 4 to reach each' \
    "$grid_bench" "${short[@]}" --connections 3
case_ok 'a target that does not answer is named' output_has 1 '127.0.0.1:1: Connection refused' \
    "$grid_bench" --target 127.0.0.1:1
case_ok 'RESP on the native port is refused' output_has 1 'grid-bench: ' \
    "$grid_bench" "${short[@]}" --protocol resp --workload get
case_ok 'scans on RESP are refused' output_has 2 'RESP has no scan' \
    "$grid_bench" --workload e --protocol resp
