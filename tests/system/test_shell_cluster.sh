#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What an operator does with the shell, on a grid of two nodes with data and a witness: looks, a
# majority that is lost, recovery, leaves that are asked for, made and refused.
source "$(dirname "$0")/lib.sh"

n1_port=$(free_port)
n2_port=$(free_port)
w_port=$(free_port)
seeds=127.0.0.1:$n1_port,127.0.0.1:$n2_port,127.0.0.1:$w_port

member() { # NAME PORT OPTION...
    local name=$1 port=$2
    shift 2
    start_node "$name" --port="$port" --seeds="$seeds" --grid-name=shelly --partitions=16 \
        --workers=1 "$@"
}

shell() { # ARGUMENT...
    "$build/grid-shell" "$@" "127.0.0.1:$n1_port"
}

# A command whose exit status is this, and whose output has a line like that.
says_like() { # STATUS PATTERN COMMAND...
    local wanted=$1 pattern=$2 status=0
    shift 2
    "$@" >"$scratch/output" 2>&1 </dev/null || status=$?
    cat "$scratch/output"
    echo "exit status $status"
    [ "$status" -eq "$wanted" ] && grep -qE -- "$pattern" "$scratch/output"
}

# The grid has so many members and all its copies.
is_whole() { # MEMBERS
    shell -e 'cluster status' | grep -qE "\"alive\":$1,.*\"with_too_few_copies\":0,.*\"to_fill\":0"
}

# The lines of a command are so many.
counts() { # LINES COMMAND...
    local wanted=$1
    shift
    "$@" >"$scratch/output" || return 1
    cat "$scratch/output"
    [ "$(wc -l <"$scratch/output")" -eq "$wanted" ]
}

member n1 "$n1_port" --bootstrap-expect=3
member n2 "$n2_port" --bootstrap-expect=3
n2=$node
member w "$w_port" --bootstrap-expect=3 --role=witness
w=$node
case_ok 'three nodes found a grid' wait_until is_whole 3 || exit 1

case_ok 'status names the leader' says_like 0 '"leader":"(n1|n2|w)","term":[0-9]+,"voters":3,' \
    shell -e 'cluster status'
case_ok 'status is a line per figure on a table' says_like 0 '^partitions +16$' \
    shell -o table -e 'cluster status'
case_ok 'members are listed' counts 3 shell -e 'cluster members'
case_ok 'one of them leads' says_like 0 '^1$' \
    bash -c "'$build/grid-shell' 127.0.0.1:$n1_port -e members | grep -c '\"leader\":true'"
case_ok 'a witness holds nothing' grep -E '"member":"w".*"primaries":0,"backups":0,.*"witness"' \
    <(shell -e 'cluster members')
case_ok 'partitions are listed' counts 16 shell -e 'cluster partitions'
case_ok 'with all copies in sync' counts 16 shell -e 'cluster partitions n2'
case_ok 'or none' counts 0 shell -e 'cluster partitions w'
case_ok 'of nobody' says_like 1 "^error: no such member; 'cluster members' lists them" \
    shell -e 'cluster partitions n9'
case_ok 'voters answer' says_like 0 '^\(3 voters: 2 are a majority, 1 may fail\)$' \
    shell -o table -e 'cluster voters'
case_ok 'nothing moves' says_like 0 '^\{"to_fill":0,"filling":0,.*"seconds_left":0.0\}$' \
    shell -e 'cluster migrations'

case_ok 'a simulation shows what a third node would get' \
    says_like 0 '"member":"n3","change":"added","weight":1,"primaries":0,"primaries_after":[56],' \
    shell -e 'cluster rebalance --simulate --add n3'
case_ok 'a simulation without one of two' \
    says_like 0 '^\(of 32 copies, 0 would be filled elsewhere and 16 dropped; 8 partitions' \
    shell -o table -e 'cluster rebalance --simulate --remove n1'
case_ok 'a simulation cannot remove a stranger' says_like 1 '^error: n9: no member has this name' \
    shell -e 'cluster rebalance --simulate --remove n9'

case_ok 'a stranger cannot leave' says_like 1 '^error: no member is called n9 \(NOT_FOUND\)' \
    shell -e 'cluster leave n9'
case_ok 'recovery wants to know where' says_like 1 '^  n2: 16 partitions whole' \
    shell -e 'cluster recover --force --yes-i-know=shelly'
case_ok 'recovery wants consent' says_like 1 'consent is given by --yes-i-know=GRID' \
    shell -e 'cluster recover --force n1'
case_ok 'recovery explains what is lost' \
    grep -q '16 partitions whole: nothing that was acknowledged is lost' "$scratch/output"
case_ok 'a grid with a leader is not recovered' says_like 1 'the grid has a leader' \
    shell -e 'cluster recover --force n1 --yes-i-know=shelly'

# A terminal for the shell: what is typed goes in by a pipe, what it shows comes in a file.
mkfifo "$scratch/keys"
HOME=$scratch TERM=xterm ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 script -qefc \
    "'$build/grid-shell' --no-color 127.0.0.1:$n1_port" /dev/null \
    <"$scratch/keys" >"$scratch/screen" &
terminal=$!
exec 3>"$scratch/keys"

types() { # KEYS PATTERN
    printf '%b' "$1" >&3
    wait_until grep -qE "$2" "$scratch/screen" || {
        cat -v "$scratch/screen"
        return 1
    }
}
case_ok 'a leave is asked for at a terminal' types 'cluster lea\t n2\r' 'Type yes to have it leave: '
case_ok 'what it costs is told' grep -q 'too few members for 2 copies' "$scratch/screen"
case_ok 'anything but yes keeps the member' types 'y\r' 'error: n2 stays'
case_ok 'and the terminal works on' types 'put m k 1\r' '^added, version 1'
exec 3>&-
wait "$terminal"
case_ok 'the member is still there' is_whole 3

kill -9 "$n2" "$w"
wait "$n2" "$w" 2>/dev/null
no_leader() {
    says_like 1 '^error: no leader answers.*\(NO_QUORUM\)$' shell -e 'cluster status'
}
case_ok 'without a majority there is no leader' wait_until no_leader
case_ok 'there is a hint what to do' grep -q '^hint: .*cluster voters' "$scratch/output"
case_ok 'voters that are gone do not answer' \
    says_like 1 '"member":"n2".*"voter":true,.*"answers":false' shell -e 'cluster voters'
recovered() {
    says_like 0 '^this node is a grid of its own now; 0 of 16 partitions may have lost' \
        shell -e 'cluster recover --force --yes-i-know=shelly'
}
case_ok 'the one that is left recovers by force' wait_until recovered
case_ok 'and serves what was acknowledged' says_like 0 '^1$' shell -e 'get m k'

member n2b "$n2_port"
n2=$node
member wb "$w_port" --role=witness
case_ok 'others join again' wait_until is_whole 3
case_ok 'a member leaves' says_like 0 "^n2b leaves; 'cluster migrations' shows how far it is$" \
    shell -e 'cluster leave n2b'
two_are_left() {
    [ "$(shell -e members | wc -l)" -eq 2 ]
}
case_ok 'until it is gone' wait_until two_are_left
case_ok 'and its process has ended well' wait "$n2"
case_ok 'who holds the last copy does not leave' \
    says_like 1 '^error: n1 holds the last copy of the data, and no other member can take it' \
    shell -e 'cluster leave n1'
case_ok 'nothing was lost' says_like 0 '^1$' shell -e 'get m k'
