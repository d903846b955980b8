#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The node as a process: configuration, ports, signals, log rotation.
source "$(dirname "$0")/lib.sh"

output_has() { # STATUS PATTERN COMMAND...
    local wanted=$1 pattern=$2 status=0
    shift 2
    "$@" >"$scratch/output" 2>&1 || status=$?
    cat "$scratch/output"
    echo "exit status $status"
    [ "$status" -eq "$wanted" ] && grep -qE -- "$pattern" "$scratch/output"
}

grid_node=$build/grid-node
case_ok 'version is printed' output_has 0 '^grid-node [0-9.]+$' "$grid_node" --version
case_ok 'help lists options' output_has 0 '^  --replication-timeout-ms=' "$grid_node" --help
case_ok 'the shipped configuration is right' output_has 0 '^grid.conf: ok$' \
    "$grid_node" --check-config grid.conf
printf '[network]\nport = 70000\n' >"$scratch/wrong.conf"
case_ok 'a wrong configuration is named with its line' output_has 1 \
    'wrong.conf:2: port: .70000. is not in range' "$grid_node" "$scratch/wrong.conf"
case_ok 'times that do not fit together are named' output_has 1 \
    'suspect-ms: 1000 must be a tenth above lease-ms, at least' \
    "$grid_node" --lease-ms=950
case_ok 'a list of members is an unknown option' output_has 1 "unknown option '--members'" \
    "$grid_node" --members=n1@127.0.0.1:7400
case_ok 'a log that cannot be opened is named' output_has 1 '/proc/no/log: No such file' \
    "$grid_node" --log-file=/proc/no/log

port=$(free_port)
start_node n1 --port="$port"
case_ok 'a node becomes ready' wait_until node_is_ready n1
case_ok 'a port in use is named' output_has 1 "$port.*[Aa]ddress already in use" \
    "$grid_node" --port="$port"

mv "$scratch/n1.log" "$scratch/n1.log.1"
kill -HUP "$node"
case_ok 'SIGHUP opens the log again' wait_until test -e "$scratch/n1.log"
case_ok 'SIGTERM stops with status 0' stop_node "$node"
case_ok 'the new log tells of the stop' grep -q stopped "$scratch/n1.log"
