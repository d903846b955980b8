#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Server CPU per operation of a grid-node with one worker against redis-server without persistence:
# interleaved rounds of the same load, both servers on one core, the load on another. Prints a
# Markdown table of medians, and the ratio (grid / redis) of each pair as median and range.
set -euo pipefail

usage() {
    cat <<'TEXT'
usage: bench/compare.sh [--control]

  --control   A/A: a second redis-server in the place of the grid-node; its ratios show how far
              those of the comparison can be trusted

Environment (default):
  BUILD (build)             where grid-node and grid-bench are
  ROUNDS (5)                pairs of each row
  SECONDS_EACH (2)          measured time of one round; WARM_UP (0.3) comes before it
  WORKLOADS (get put mixed) of grid-bench
  DEPTHS (1 16 128)         requests under way per connection
  CONNECTIONS (16)  VALUE_BYTES (100)  RECORDS (100000)
  SERVER_CORE (0)  LOAD_CORE (1)
TEXT
}

control=false
case "${1:-}" in
    '') ;;
    --control) control=true ;;
    --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
esac

build=${BUILD:-build}
rounds=${ROUNDS:-5}
seconds=${SECONDS_EACH:-2}
warm_up=${WARM_UP:-0.3}
workloads=${WORKLOADS:-get put mixed}
depths=${DEPTHS:-1 16 128}
connections=${CONNECTIONS:-16}
value_bytes=${VALUE_BYTES:-100}
records=${RECORDS:-100000}
server_core=${SERVER_CORE:-0}
load_core=${LOAD_CORE:-1}

directory=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    rm -rf "$directory"
}
trap cleanup EXIT

fail() {
    echo "compare.sh: $*" >&2
    exit 1
}

for program in redis-server taskset; do
    command -v "$program" >/dev/null || fail "$program is not installed"
done
for program in grid-node grid-bench; do
    [ -x "$build/$program" ] || fail "$build/$program is missing: make all"
done

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
    local port
    for _ in $(seq 100); do
        port=$((20000 + RANDOM % 20000))
        if ! answers "$port"; then
            echo "$port"
            return
        fi
    done
    fail "no free port"
}

# start NAME PORT COMMAND...: runs it on the server core and waits until it answers. Its process id
# is the last of `pids`.
start() {
    local name=$1 port=$2
    shift 2
    taskset -c "$server_core" "$@" >"$directory/$name.log" 2>&1 &
    pids+=($!)
    for _ in $(seq 100); do
        answers "$port" && return
        kill -0 "${pids[-1]}" 2>/dev/null || break
        sleep 0.1
    done
    cat "$directory/$name.log" >&2
    fail "$name does not answer"
}

start_redis() {
    start "$1" "$2" redis-server --port "$2" --bind 127.0.0.1 --save '' --appendonly no
}

redis_port=$(free_port)
start_redis redis "$redis_port"
other_port=$(free_port)
if $control; then
    other_name=redis-2
    other_protocol=resp
    start_redis "$other_name" "$other_port"
else
    other_name=grid-node
    other_protocol=native
    start "$other_name" "$other_port" "$build/grid-node" --workers=1 --port="$other_port"
fi

load() { # PROTOCOL PORT PID OPTIONS...
    local protocol=$1 port=$2 pid=$3
    shift 3
    "$build/grid-bench" --protocol "$protocol" --target "127.0.0.1:$port" --server-pid "$pid" \
        --connections "$connections" --value-bytes "$value_bytes" --records "$records" \
        --pin "$load_core" --quiet --json - "$@"
}

load resp "$redis_port" "${pids[0]}" --workload put --load-only >/dev/null
load "$other_protocol" "$other_port" "${pids[1]}" --workload put --load-only >/dev/null

round() { # FILE PROTOCOL PORT PID WORKLOAD DEPTH: appends "CPU RATE" to the file
    load "$2" "$3" "$4" --workload "$5" --depth "$6" --refill batch --no-load \
        --seconds "$seconds" --warm-up "$warm_up" |
        awk '/"server_cpu_us_per_operation":/ { cpu = $2 + 0 }
             /"operations_per_second":/ { rate = $2 + 0 }
             END { print cpu, rate }' >>"$1"
}

# median FILE COLUMN
median() {
    awk -v column="$2" '{ print $column }' "$1" | sort -g |
        awk '{ value[NR] = $1 } END { middle = int((NR + 1) / 2)
            print NR % 2 ? value[middle] : (value[middle] + value[middle + 1]) / 2 }'
}

echo "$(redis-server --version | awk '{ print $1, $3 }'), $("$build/grid-node" --version | head -1)"
echo "$connections connections, $value_bytes-byte values, $records records, $rounds pairs of" \
    "$seconds s; server on core $server_core, load on core $load_core"
echo
echo "| workload | depth | redis, us/op | $other_name, us/op | ratio, median | ratio, range |" \
    "redis, op/s | $other_name, op/s |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
for workload in $workloads; do
    for depth in $depths; do
        a=$directory/a b=$directory/b ratios=$directory/ratios
        : >"$a"
        : >"$b"
        for _ in $(seq "$rounds"); do
            round "$a" resp "$redis_port" "${pids[0]}" "$workload" "$depth"
            round "$b" "$other_protocol" "$other_port" "${pids[1]}" "$workload" "$depth"
        done
        paste -d ' ' "$a" "$b" | awk '{ print $3 / $1 }' | sort -g >"$ratios"
        printf '| %s | %s | %.3f | %.3f | %.3f | %.3f-%.3f | %.0f | %.0f |\n' "$workload" \
            "$depth" "$(median "$a" 1)" "$(median "$b" 1)" "$(median "$ratios" 1)" \
            "$(head -1 "$ratios")" "$(tail -1 "$ratios")" "$(median "$a" 2)" "$(median "$b" 2)"
    done
done
