#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The shell as a process, against a node: outputs, exit statuses, loads, watches, a terminal.
source "$(dirname "$0")/lib.sh"

port=$(free_port)
quakes=$(dirname "$0")/../data/earthquakes.jsonl

shell() { # ARGUMENT...
    "$build/grid-shell" "$@" "127.0.0.1:$port"
}

# A command whose exit status and output are these.
says() { # STATUS OUTPUT COMMAND...
    local wanted=$1 expected=$2 status=0
    shift 2
    "$@" >"$scratch/output" 2>&1 </dev/null || status=$?
    diff <(printf '%s\n' "$expected") "$scratch/output" || return 1
    echo "exit status $status"
    [ "$status" -eq "$wanted" ]
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

case_ok 'a grid that is not there is status 3' \
    says_like 3 'cannot connect to 127.0.0.1:[0-9]+: ' shell --timeout 500 -e ping
case_ok 'a wrong option is status 2' \
    says 2 'grid-shell: no such option: --frobnicate; see --help' shell --frobnicate
case_ok 'help needs no grid' says_like 0 '^usage: grid-shell' shell --help

start_node n1 --port="$port" --workers=2
wait_until node_is_ready n1 || exit 1

case_ok 'ping answers' says_like 0 '"answers":true' shell -e ping

case_ok 'put, then get a document' says 0 '{"found":false,"version":1}
{"name":"Ada","age":36}' shell -e 'put users 42 {"name": "Ada", "age": 36}' -e 'get users 42'
case_ok 'get of what is not there is status 1' \
    says 1 'error: there is no such entry (NOT_FOUND)' shell -e 'get users 43'
case_ok 'a failure ends the commands' \
    says 1 'error: there is no such entry (NOT_FOUND)' shell -e 'get users 43' -e 'size users'
case_ok 'unless they keep going' says 1 'error: there is no such entry (NOT_FOUND)
1' shell --keep-going -e 'get users 43' -e 'size users'
case_ok 'a mistake is pointed at' says 1 "error: no such command; did you mean 'put'?
  ptu users 1 2
  ^" shell -e 'ptu users 1 2'
case_ok 'a mistake in a query is pointed at' says_like 1 '^ {25}\^$' \
    shell -e 'select mag from quakes wher mag > 5'

case_ok 'load takes all quakes' says_like 0 '^1,707 entries loaded in .*, 0 failed$' \
    shell -o table -e "load '$quakes' into quakes key id"
case_ok 'a query finds the strong ones' bash -c "
    [ \"\$('$build/grid-shell' 127.0.0.1:$port -e 'select id from quakes where mag >= 4.5' |
        wc -l)\" -eq 85 ]"
case_ok 'a table is aligned' says 0 'mag  place
---  ---------------------------
6.4  22km NNE of Hualian, Taiwan
(1 row)' shell -o table -e 'select mag, place from quakes where mag > 6.3'
case_ok 'csv has a header' says 0 'mag,place
6.4,"22km NNE of Hualian, Taiwan"' shell -o csv -e 'select mag, place from quakes where mag > 6.3'

cat >"$scratch/people.csv" <<'CSV'
id,name,zip,score
1,"Lovelace, Ada",01234,1.5
2,"Grace ""Amazing"" Hopper",10001,
3,short
x,last,99999,-7
CSV
load_people() {
    shell "$@" -e "load $scratch/people.csv into people key id"
}
case_ok 'load names bad lines and goes on' says_like 1 '"loaded":3,"failed":1,' load_people
case_ok 'their numbers are told' grep -qx \
    "error: $scratch/people.csv:4: 2 fields where the header has 4" "$scratch/output"
case_ok 'csv keeps numbers and text apart' says 0 \
    '{"id":1,"name":"Lovelace, Ada","zip":"01234","score":1.5}
{"id":2,"name":"Grace \"Amazing\" Hopper","zip":10001,"score":null}' \
    shell -e 'get people 1' -e 'get people 2'

# The script's errors name its lines; what is behind the first is not run.
printf '# comment\nsize users\nget users 43\nsize users\n' >"$scratch/script"
run_script() {
    "$build/grid-shell" "127.0.0.1:$port" <"$scratch/script" >"$scratch/output" 2>&1
    [ $? -eq 1 ] && diff "$scratch/output" - <<'OUTPUT'
1
error: there is no such entry (NOT_FOUND)
in line 3 of the script
OUTPUT
}
case_ok 'a script ends at its first error' run_script

watch_changes() {
    shell -o csv -e 'watch --events 4 select name from people where id = 7' >"$scratch/watch" &
    local watcher=$!
    wait_until grep -q '^ready,' "$scratch/watch" || return 1
    shell -e 'put people 7 {"id": 7, "name": "a"}' -e 'merge people 7 {"name": "b"}' \
        -e 'merge people 7 {"id": 8}' -e 'put people 7 {"id": 7}' >/dev/null || return 1
    wait "$watcher" || return 1
    diff <(cut -d, -f1,6,7 "$scratch/watch") - <<'OUTPUT'
event,cause,key
ready,ready,
enter,put,7
update,put,7
leave,put,7
enter,put,7
OUTPUT
}
case_ok 'watch shows changes and ends after so many' watch_changes
case_ok 'watch ends after its time' says 0 '(0 rows match now; changes follow)
(0 changes)' shell -o table -e 'watch --seconds 1 select * from nothing'

interrupt_watch() {
    "$build/grid-shell" "127.0.0.1:$port" -e 'watch select * from people' -e 'size people' \
        >"$scratch/watch" &
    local watcher=$! status=0
    wait_until grep -q '"ready"' "$scratch/watch" || return 1
    kill -INT "$watcher"
    wait "$watcher" || status=$?
    echo "exit status $status"
    [ "$status" -eq 130 ]
}
case_ok 'Ctrl-C ends a watch, and commands with it' interrupt_watch

case_ok 'a full disk is told' says_like 1 'standard output: No space left' \
    bash -c "'$build/grid-shell' 127.0.0.1:$port -e 'scan quakes' >/dev/full"

# A terminal for the shell: what is typed goes in by a pipe, what it shows comes in a file.
mkfifo "$scratch/keys"
HOME=$scratch TERM=xterm ASAN_OPTIONS=${ASAN_OPTIONS-}:detect_leaks=0 script -qefc \
    "'$build/grid-shell' --no-color 127.0.0.1:$port" /dev/null <"$scratch/keys" >"$scratch/screen" &
terminal=$!
exec 3>"$scratch/keys"

# Types the keys and waits until the screen shows what they lead to, so many times so far.
types() { # KEYS PATTERN
    printf '%b' "$1" >&3
    wait_until grep -qE "$2" "$scratch/screen" || {
        cat -v "$scratch/screen"
        return 1
    }
}
case_ok 'a terminal gets a greeting' types '' '^grid-shell .* 1 member\.'
case_ok 'verbs are completed by Tab' types 'lo\t\t' 'load +locate'
case_ok 'Ctrl-C drops the line' types '\003' '\^C'
case_ok 'maps are completed by Tab' types 'size peo\t\r' '^4.?$'
case_ok 'a watch shows a table' types 'watch select name from people where id = 1\r' 'Ctrl-C ends'
case_ok 'Ctrl-C ends the watch only' types '\003' '0 changes'
case_ok 'the shell goes on' types 'contains people 7\r' '^true'
case_ok 'Ctrl-D leaves with status 0' eval "printf '\004' >&3; wait $terminal"
exec 3>&-
case_ok 'lines are kept for the next time' grep -q 'contains' "$scratch/.grid_history"
