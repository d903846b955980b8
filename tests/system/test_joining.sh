#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who gets into a grid and who does not, and what each is told: founding, joining, leaving, wrong
# settings, two grids, a witness.
source "$(dirname "$0")/lib.sh"

ports=()
while [ ${#ports[@]} -lt 8 ]; do
    port=$(free_port)
    case " ${ports[*]-} " in *" $port "*) continue ;; esac
    ports+=("$port")
done
first=127.0.0.1:${ports[0]}
seeds=$first,127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}
small=(--workers=1 --partitions=64)

# A node of the grid under test; sets node to its process.
start_member() { # NAME PORT OPTION...
    local name=$1 port=$2
    shift 2
    start_node "$name" --port="$port" "${small[@]}" --seeds="$seeds" "$@"
}

log_says() { # NAME PATTERN
    grep -qE -- "$2" "$scratch/$1.log"
}

# Runs a node that the grid shall turn away: it ends by itself with status 1 and says why.
is_refused() { # NAME PATTERN OPTION...
    local name=$1 pattern=$2 status=0
    shift 2
    timeout 20 "$build/grid-node" --node-name="$name" --port=0 "${small[@]}" --seeds="$seeds" \
        "$@" >"$scratch/$name.log" 2>&1 || status=$?
    cat "$scratch/$name.log"
    echo "exit status $status"
    [ "$status" -eq 1 ] && log_says "$name" "$pattern"
}

shell() { # ADDRESS COMMAND...
    local address=$1
    shift
    timeout 20 "$build/grid-shell" -o json "$address" "$@"
}

# Names of the members as one node knows them, sorted, in one line.
members_are() { # ADDRESS NAMES
    shell "$1" -e members | grep -oE '^\{"member":"[^"]+"' | cut -d'"' -f4 | sort | tr '\n' ' ' \
        >"$scratch/members"
    cat "$scratch/members"
    [ "$(cat "$scratch/members")" = "$2 " ]
}

is_running() { # PROCESS
    kill -0 "$1"
}

# ---- Nobody is there ----
start_node lonely --port="${ports[7]}" "${small[@]}" --seeds="127.0.0.1:1,127.0.0.1:2"
lonely=$node
case_ok 'a node whose seeds do not answer says so' wait_until log_says lonely \
    'in no grid: no other node answers at the 2 seeds \(127.0.0.1:1 ...\)'
case_ok 'it goes on trying' is_running "$lonely"
case_ok 'it is in no grid, and answers that it is not' bash -c \
    "! timeout 20 '$build/grid-shell' 127.0.0.1:${ports[7]} -e members"
case_ok 'SIGTERM stops it with status 0' stop_node "$lonely"

# ---- Founding ----
start_member n1 "${ports[0]}" --bootstrap-expect=3
n1=$node
start_member n2 "${ports[1]}" --bootstrap-expect=3
n2=$node
case_ok 'two of three founders wait and say for what' wait_until log_says n1 \
    'in no grid: 2 of bootstrap-expect = 3 nodes are there: this one, n2$'
case_ok 'the other one says the same' wait_until log_says n2 \
    'in no grid: 2 of bootstrap-expect = 3 nodes are there: this one, n1$'
start_member n3 "${ports[2]}" --bootstrap-expect=3
n3=$node
for name in n1 n2 n3; do
    case_ok "with the third the grid is founded: $name is ready" wait_until node_is_ready "$name"
done
case_ok 'all three are members' wait_until members_are "$first" 'n1 n2 n3'
founded_once() {
    [ "$(cat "$scratch"/n[123].log | grep -c 'founds the grid')" -eq 1 ]
}
case_ok 'one of them has founded it' founded_once

# ---- Who does not get in ----
case_ok 'a wrong secret is refused' is_refused x1 \
    "WRONG_SECRET: the secret of 'x1' is not this grid's: set the option secret" --secret=guess
case_ok 'another grid name is refused, with both names' is_refused x2 \
    "WRONG_GRID: n[123] is a node of grid 'nowgrid', not of 'other': check" --grid-name=other
case_ok 'another number of partitions is refused' is_refused x3 \
    'its option partitions is 128, not 64: set it to 64 and start again' --partitions=128
case_ok 'another number of backups is refused' is_refused x4 \
    'its option backups is 2, not 1: set it to 1 and start again' --backups=2
case_ok 'another min-in-sync is refused' is_refused x5 \
    'its option min-in-sync is 2, not 1: set it to 1 and start again' --min-in-sync=2
case_ok 'another lease is refused' is_refused x7 \
    'its option lease-ms is 800, not 900: set it to 900 and start again' --lease-ms=800
case_ok 'another time of suspicion is refused' is_refused x8 \
    'its option suspect-ms is 1100, not 1000: set it to 1000 and start again' --suspect-ms=1100
case_ok 'the name of a living member is refused' is_refused n2-again \
    "the name n2 belongs to a living member at 127.0.0.1:${ports[1]}: choose another node-name" \
    --node-name=n2
case_ok 'members say whom they have refused' grep -qE "WRONG_SECRET: the secret of 'x1'" \
    "$scratch/n1.log" "$scratch/n2.log" "$scratch/n3.log"
case_ok 'none of them has become a member' members_are "$first" 'n1 n2 n3'

# ---- Join and leave ----
for ((key = 0; key < 200; key++)); do
    echo "put people $key {\"n\": $key}"
done >"$scratch/puts"
case_ok 'entries are written' eval "shell '$first' <'$scratch/puts' >/dev/null"
finds_all() { # ADDRESS
    shell "$1" -e 'scan people' >"$scratch/people"
    wc -l <"$scratch/people"
    [ "$(wc -l <"$scratch/people")" -eq 200 ]
}
start_member n4 "${ports[3]}"
n4=$node
fourth=127.0.0.1:${ports[3]}
case_ok 'a fourth node joins' wait_until node_is_ready n4
case_ok 'all know it' wait_until members_are "$first" 'n1 n2 n3 n4'
case_ok 'it finds all entries' wait_until finds_all "$fourth"

# Left before data has moved to it, it would have none to move away.
holds_data() { # NAME: whether it is the primary of a partition
    shell "$first" -e 'cluster partitions' | grep -q "\"primary\":\"$1\""
}
case_ok 'it is given partitions' wait_until holds_data n4
case_ok 'a node leaves on SIGTERM with status 0' stop_node "$n4"
case_ok 'its log says that it stopped for that' log_says n4 'stopping: Terminated'
case_ok 'the others know that it left, it is not taken for dead' wait_until grep -q 'n4 has left' \
    "$scratch/n1.log" "$scratch/n2.log" "$scratch/n3.log"
case_ok 'three remain' wait_until members_are "$first" 'n1 n2 n3'
case_ok 'they have its data' wait_until finds_all "$first"

# Those that are left take over from each that goes.
case_ok 'a founder leaves, too' stop_node "$n3"
case_ok 'two remain' wait_until members_are "$first" 'n1 n2'
case_ok 'nothing is lost' wait_until finds_all "$first"
rm "$scratch/n3.log"
start_member n3 "${ports[2]}" --bootstrap-expect=3
n3=$node
case_ok 'it comes back with the options of a founder, and joins' wait_until members_are "$first" \
    'n1 n2 n3'
case_ok 'it has founded no grid of its own' eval "! log_says n3 'founds the grid'"

# ---- Another grid ----
other=127.0.0.1:${ports[4]}
start_node o1 --port="${ports[4]}" "${small[@]}" --grid-name=other
case_ok 'another grid is founded' wait_until node_is_ready o1
case_ok 'a node of one grid at the seeds of the other is refused by name' is_refused x6 \
    "WRONG_GRID: o1 is a node of grid 'other', not of 'nowgrid'" --seeds="$other"
case_ok 'members of it do not get in either' members_are "$first" 'n1 n2 n3'
case_ok 'and it goes on' members_are "$other" 'o1'
start_node t1 --port="${ports[5]}" "${small[@]}" --seeds="127.0.0.1:${ports[5]},$first" \
    --bootstrap-expect=1
t1=$node
case_ok 'a node that may found a grid joins that of its seed' wait_until members_are "$first" \
    'n1 n2 n3 t1'
case_ok 'it has founded none' eval "! log_says t1 'founds the grid'"
case_ok 'and leaves' stop_node "$t1"

# Six nodes, two lists, one grid name: two grids, and their ids tell them apart.
start_node b1 --port="${ports[5]}" "${small[@]}"
b1=$node
case_ok 'a second grid of the same name is founded' wait_until node_is_ready b1
start_member both "${ports[6]}" --seeds="$first,127.0.0.1:${ports[5]}"
both=$node
case_ok 'a node with seeds in both joins one of them' wait_until node_is_ready both
one_has_it() {
    if members_are "$first" 'both n1 n2 n3'; then
        members_are "127.0.0.1:${ports[5]}" 'b1'
    else
        members_are "$first" 'n1 n2 n3' && members_are "127.0.0.1:${ports[5]}" 'b1 both'
    fi
}
case_ok 'and that one only: two grids never merge' wait_until one_has_it
case_ok 'it leaves' stop_node "$both"
case_ok 'the second grid ends with its only member' stop_node "$b1"

# ---- A witness ----
start_member w1 "${ports[6]}" --role=witness
w1=$node
case_ok 'a witness joins' wait_until members_are "$first" 'n1 n2 n3 w1'
is_witness() {
    shell "$first" -e members | grep '^{"member":"w1"' | grep -q '"role":"witness"'
}
case_ok 'the members know it as a witness' is_witness
case_ok 'it leaves' stop_node "$w1"

seeds=127.0.0.1:${ports[3]},127.0.0.1:${ports[5]},127.0.0.1:${ports[6]}
small+=(--grid-name=pair --secret='open, sesame')
start_member d1 "${ports[3]}" --bootstrap-expect=3
d1=$node
start_member d2 "${ports[5]}" --bootstrap-expect=3
d2=$node
start_member w2 "${ports[6]}" --bootstrap-expect=3 --role=witness
pair=127.0.0.1:${ports[5]}
case_ok 'two nodes and a witness found a grid' wait_until members_are "$pair" 'd1 d2 w2'
case_ok 'the pair is ready' wait_until node_is_ready d2
case_ok 'it takes entries' eval "shell '$pair' <'$scratch/puts' >/dev/null"
holds_nothing() { # NAME
    shell "$pair" -e 'cluster partitions' >"$scratch/partitions"
    [ "$(wc -l <"$scratch/partitions")" -eq 64 ] && ! grep -qw "$1" "$scratch/partitions"
}
case_ok 'the witness holds nothing' holds_nothing w2
case_ok 'no secret is a wrong one' is_refused x9 "WRONG_SECRET: the secret of 'x9'" --secret=
kill -KILL "$d1"
wait "$d1" 2>/dev/null
case_ok 'with the witness the other one takes over' wait_until finds_all "$pair"
case_ok 'and takes writes' wait_until shell "$pair" -e 'put people 1 {"n": -1}'
case_ok 'the killed node is removed' wait_until members_are "$pair" 'd2 w2'
case_ok 'the last one with data stops all the same' stop_node "$d2"
case_ok 'and says what that means' log_says d2 'd2 holds the last copy of the data'
