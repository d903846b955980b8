#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Three nodes on loopback in a temporary directory, and real earthquakes through them while a
# continuous query watches. On a terminal the grid stays until Ctrl-C; elsewhere it is taken down,
# and the exit status is that of the example: 0 only if the subscriber holds what a query returns.
set -eu

build=${BUILD:-build}
directory=$(mktemp -d "${TMPDIR:-/tmp}/nowgrid-demo.XXXXXX")
nodes=()

finish() {
    local status=$?
    trap - EXIT INT TERM
    [ ${#nodes[@]} -eq 0 ] || kill "${nodes[@]}" 2>/dev/null || true
    wait
    rm -rf "$directory"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Sets ports: below the range from which the system takes ports for outgoing connections.
find_ports() {
    local port
    ports=()
    while [ ${#ports[@]} -lt 3 ]; do
        port=$((20000 + RANDOM % 12000))
        case " ${ports[*]-} " in *" $port "*) continue ;; esac
        if port_is_free "$port"; then
            ports+=("$port")
        fi
    done
}

write_config() { # NUMBER
    cat >"$directory/n$1.conf" <<CONFIG
[node]
node-name = n$1
workers = 1
[network]
port = ${ports[$1 - 1]}
[grid]
seeds = 127.0.0.1:${ports[0]}, 127.0.0.1:${ports[1]}, 127.0.0.1:${ports[2]}
bootstrap-expect = 3
[log]
log-file = $directory/n$1.log
CONFIG
}

# A node is ready when its log says so; one that has ended never will be.
wait_ready() { # NUMBER PROCESS
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        if grep -q ' ready: ' "$directory/n$1.log" 2>/dev/null; then
            return 0
        fi
        kill -0 "$2" 2>/dev/null || break
        sleep 0.05
    done
    echo "demo: node n$1 did not start:" >&2
    cat "$directory/n$1.log" >&2
    return 1
}

find_ports
for number in 1 2 3; do
    write_config "$number"
done
for number in 1 2 3; do
    "$build/grid-node" "$directory/n$number.conf" &
    nodes+=($!)
done
for number in 1 2 3; do
    wait_ready "$number" "${nodes[number - 1]}"
done
seeds=127.0.0.1:${ports[0]},127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}
echo "Three nodes are up: $seeds"
echo

status=0
"$build/examples/quakes" "$seeds" tests/data/earthquakes.jsonl || status=$?

echo
echo "The shell on this grid:  $build/grid-shell 127.0.0.1:${ports[0]}"
if [ "$status" -eq 0 ] && [ -t 0 ] && [ -t 1 ]; then
    echo 'The grid stays up until Ctrl-C.'
    wait
fi
exit "$status"
