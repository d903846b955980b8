# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# What system tests share; sourced. A test is a list of cases: case_ok NAME COMMAND... prints the
# line that tests/run.sh counts. Whatever was started by start_node ends with the test.
set -u

build=${BUILD:-build}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/nowgrid-test.XXXXXX")
nodes=()
bad=0

# Exits with 1 when a case failed.
finish_test() {
    local node
    for node in ${nodes[@]+"${nodes[@]}"}; do
        kill "$node" 2>/dev/null
    done
    wait
    rm -rf "$scratch"
    exit "$bad"
}
trap finish_test EXIT
trap 'bad=1; exit 1' INT TERM

# A case is the success of a command; its output is shown when it fails.
case_ok() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$scratch/case" 2>&1; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        sed 's/^/    /' "$scratch/case"
        bad=1
    fi
}

# A port nobody listens on, outside the range for outgoing connections.
free_port() {
    local port
    while true; do
        port=$((20000 + RANDOM % 12000))
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
}

# Waits until a command succeeds, 20 s at most.
wait_until() { # COMMAND...
    local tries
    for ((tries = 0; tries < 400; tries++)); do
        if "$@" >/dev/null 2>&1; then
            return 0
        fi
        sleep 0.05
    done
    echo "waited 20 s for: $*"
    return 1
}

# Starts a node in the background with its log in $scratch/NAME.log; sets node to its process.
start_node() { # NAME OPTION...
    local name=$1
    shift
    "$build/grid-node" --node-name="$name" --log-file="$scratch/$name.log" "$@" \
        >"$scratch/$name.out" 2>&1 &
    node=$!
    nodes+=("$node")
}

node_is_ready() { # NAME
    grep -q ' ready: ' "$scratch/$1.log"
}

# Stops a node and returns its exit status.
stop_node() { # PROCESS
    local status=0 node others=()
    kill -TERM "$1"
    wait "$1" || status=$?
    for node in "${nodes[@]}"; do
        [ "$node" = "$1" ] || others+=("$node")
    done
    nodes=(${others[@]+"${others[@]}"})
    return "$status"
}
