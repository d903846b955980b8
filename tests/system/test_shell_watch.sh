#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Continuous queries in the shell, on a grid of three nodes: where they start, what they tell, that
# they go on after the loss of a node, and by a token exactly where they ended.
source "$(dirname "$0")/lib.sh"

ports=()
while [ ${#ports[@]} -lt 3 ]; do
    port=$(free_port)
    case " ${ports[*]-} " in *" $port "*) ;; *) ports+=("$port") ;; esac
done
seeds=127.0.0.1:${ports[0]},127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}

shell() { # ARGUMENT...
    "$build/grid-shell" "$@" "127.0.0.1:${ports[0]}" "127.0.0.1:${ports[1]}"
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

is_whole() {
    shell -e 'cluster status' | grep -qE '"alive":3,.*"with_too_few_copies":0,.*"to_fill":0'
}

# Starts a watch in the background, its records in $scratch/watch, and waits until it is ready.
# Columns: event, partition, epoch, seq, time_us, cause, key, new, old.
watch_begin() { # WATCH
    : >"$scratch/watch"
    shell -o raw -e "watch $1" >"$scratch/watch" 2>"$scratch/errors" &
    watcher=$!
    wait_until grep -q '^ready' "$scratch/watch"
}

# Waits for its end. It has told these records: event, cause, key, new and old of each.
watch_told() { # RECORDS
    wait "$watcher" || return 1
    diff <(printf '%s\n' "$1") <(sed 1d "$scratch/watch" | cut -f1,6-9 | tr '\t' ' ')
}

number=0
for port in "${ports[@]}"; do
    number=$((number + 1))
    start_node "n$number" --port="$port" --seeds="$seeds" --partitions=32 --workers=2 \
        --bootstrap-expect=3
done
last_node=$node
case_ok 'three nodes found a grid' wait_until is_whole || exit 1

# ---- What is told ----

changes_made() {
    shell -e 'put rooms 1 {"t": 20, "x": 0}' -e 'put rooms 1 {"t": 20, "x": 1}' \
        -e 'put rooms 1 {"t": 21}' -e 'put rooms 1 {"t": 9}' -e 'put rooms 1 {"t": 22}' \
        -e 'remove rooms 1' >/dev/null
}

tells() { # OPTIONS RECORDS
    watch_begin "$1 select t from rooms where t > 10" && changes_made && watch_told "$2"
}
case_ok 'old and new values are told' tells '--events 6' 'enter put 1 {"t":20} 
update put 1 {"t":20} {"t":20}
update put 1 {"t":21} {"t":20}
leave put 1 {"t":9} {"t":21}
enter put 1 {"t":22} {"t":9}
leave remove 1  {"t":22}'
case_ok 'or updates that change something only' tells '--latest --changed --events 5' \
    'enter put 1 {"t":20} 
update put 1 {"t":21} {"t":20}
leave put 1 {"t":9} {"t":21}
enter put 1 {"t":22} {"t":9}
leave remove 1  {"t":22}'
case_ok 'or new values' tells '--new --kinds update --events 2' 'update put 1 {"t":20} 
update put 1 {"t":21} '
case_ok 'or keys' tells '--keys --kinds enter,leave --events 4' 'enter put 1  
leave put 1  
enter put 1  
leave remove 1  '
case_ok 'or some causes' tells '--causes remove --events 1' 'leave remove 1  {"t":22}'
case_ok 'a policy may be chosen' tells '--conflate --kinds leave --events 2' 'leave put 1 {"t":9} {"t":21}
leave remove 1  {"t":22}'
case_ok 'a query is refused with a caret' says_like 1 '^ {11}\^$' \
    shell -e 'watch --latest select t frm rooms'

# ---- Tokens ----

goes_on() {
    rm -f "$scratch/t"
    watch_begin "--token $scratch/t --events 2 select t from rooms where t > 10" || return 1
    changes_made
    watch_told 'enter put 1 {"t":20} 
update put 1 {"t":20} {"t":20}' || return 1
    shell -o raw -e "watch --after $scratch/t --token - --events 4 select t from rooms where t > 10" \
        >"$scratch/watch" 2>"$scratch/errors" || return 1
    diff <(printf 'update 1\nleave 1\nenter 1\nleave 1\n') \
        <(grep -v '^ready' "$scratch/watch" | cut -f1,7 | tr '\t' ' ')
}
case_ok 'a token goes on behind the last change' goes_on
goes_on_by_text() {
    changes_made
    shell -o raw -e "watch --after $(tail -n 1 "$scratch/errors") --events 1 \
        select t from rooms where t > 10" >"$scratch/watch" || return 1
    grep -v '^ready' "$scratch/watch" | cut -f1,8 | grep -qxF $'enter\t{"t":20}'
}
case_ok 'a token may be given as text' goes_on_by_text
cp "$scratch/t" "$scratch/kept"
case_ok 'the token of another query is refused' says_like 1 '^error: .*(query|token)' \
    shell -e "watch --after $scratch/t --token $scratch/t select t from rooms"
sed 's/./A/12' "$scratch/kept" >"$scratch/forged"
case_ok 'a forged one, too' says_like 1 '^error: .*token' \
    shell -e "watch --after $scratch/forged --token $scratch/t select t from rooms where t > 10"
case_ok 'and the file stays as it was' cmp "$scratch/t" "$scratch/kept"
case_ok 'what is no token is told' says_like 1 \
    '^error: no/such: no such file, and no resume token either$' \
    shell -e 'watch --after no/such select t from rooms'
case_ok 'a file that cannot be written ends the watch' says_like 1 \
    '^error: the resume token: /nowhere/t: No such file or directory$' \
    shell -e 'watch --token /nowhere/t select t from rooms'
tells_all() {
    shell -o raw -e 'watch --earliest --events 6 select t from rooms where t > 10' >"$scratch/watch"
    grep -c '^enter' "$scratch/watch" | grep -qx 2
}
case_ok 'the earliest changes are still there' tells_all

# ---- What nodes know ----

listed() {
    watch_begin "--conflate --seconds 20 select t from rooms where t > 10 and id = 'a'" || return 1
    shell -e subscriptions >"$scratch/output"
    shell -o table -e 'subscriptions n2 limit 1' >>"$scratch/output" 2>&1
    kill -INT "$watcher"
    wait "$watcher"
    cat "$scratch/output"
    grep -qE '^\{"client":"grid-shell","member":"n1","worker":0,.*"query":"SELECT t FROM rooms ' \
        "$scratch/output" && grep -q 'no more than 1 of one worker' "$scratch/output" &&
        [ "$(grep -c '^{' "$scratch/output")" -eq 6 ]
}
case_ok 'subscriptions are listed, by member, worker and client' listed
case_ok 'a query is explained' says_like 0 '"class":"keyed"' \
    shell -e "explain subscribe select t from rooms where id = 'a'"
case_ok 'and its class is, on a table' says_like 0 '^\(nothing in it can be a key: ' \
    shell -o table -e 'explain subscribe select t from rooms where t * 2 > id'

# ---- Under writes ----

KEYS=20
ROUNDS=150
changes=$((KEYS * ROUNDS))
# Each key counts from 1 to ROUNDS.
counters_write() { # MAP
    local round key
    for ((round = 1; round <= ROUNDS; round++)); do
        for ((key = 0; key < KEYS; key++)); do
            echo "put $1 k$key {\"n\": $round}"
        done
    done | shell >"$scratch/puts"
}

# What was told, in $scratch/told, counts each key without gap or repetition.
told_is_exact() {
    grep -vE '^ready' "$scratch/told" | cut -f7,8 | awk -v keys="$KEYS" -v rounds="$ROUNDS" '
        { n = $2; gsub(/[^0-9]/, "", n)
          if (n != last[$1] + 1) { print "behind", last[$1], "comes", $0; bad = 1 }
          last[$1] = n }
        END { for (key in last) { seen++; if (last[key] != rounds) bad = 1 }
              exit bad || seen != keys }'
}

slices() {
    local slice
    watch_begin "--latest --token $scratch/t --events 300 select n from sliced" || return 1
    counters_write sliced &
    local writer=$!
    wait "$watcher" || return 1
    cp "$scratch/watch" "$scratch/told"
    for ((slice = 300; slice < changes; slice += 300)); do
        timeout 60 "$build/grid-shell" "$seeds" -o raw \
            -e "watch --after $scratch/t --token $scratch/t --events 300 select n from sliced" \
            >>"$scratch/told" || return 1
    done
    wait "$writer" || return 1
    told_is_exact
}
case_ok 'slices of a watch under writes make the whole' slices

loses_a_node() {
    watch_begin "--latest --events $changes --seconds 90 select n from counters" || return 1
    counters_write counters &
    local writer=$!
    wait_until eval "[ \$(wc -l <'$scratch/watch') -gt 200 ]" || return 1
    kill -9 "$last_node"
    wait "$writer" || return 1
    wait "$watcher" || return 1
    cp "$scratch/watch" "$scratch/told"
    told_is_exact
}
case_ok 'a watch goes on when a node is lost' loses_a_node
case_ok 'and says so' grep -qx 'watch: lost: some partition is not heard; trying to go on' \
    "$scratch/errors"
case_ok 'and when all is well again' grep -qx 'watch: live' "$scratch/errors"
