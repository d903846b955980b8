#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs test programs one after the other and sums up what they report: tests/run.sh PROGRAM...
#
# A program is a Criterion binary (named unit*), or prints a line `ok - name` or `not ok - name`
# per case and exits with 0 only if all were ok. A program that reports no case has failed. With
# SANITIZER_LOGS=DIRECTORY the sanitizers write there, and every program that leaves a report has
# failed: a leak alone does not fail a Criterion test. The last line is `N passed, N failed`.
set -u

seconds_max=${TEST_SECONDS_MAX:-120}     # of a program
unit_seconds_max=${UNIT_SECONDS_MAX:-600} # of all unit tests together
logs=${TEST_LOGS:-${BUILD:-build}/test-logs}
passed=0
failed=0
mkdir -p "$logs"

if [ -n "${SANITIZER_LOGS:-}" ]; then
    rm -rf "$SANITIZER_LOGS"
    mkdir -p "$SANITIZER_LOGS"
    SANITIZER_LOGS=$(cd "$SANITIZER_LOGS" && pwd)
    report=log_path=$SANITIZER_LOGS/report
    export ASAN_OPTIONS=$report:detect_stack_use_after_return=1:strict_string_checks=1
    export UBSAN_OPTIONS=$report:print_stacktrace=1
    export TSAN_OPTIONS=$report:second_deadlock_stack=1
fi

# The sanitizers' reports since the last call, printed and counted.
take_reports() {
    local count=0 file
    for file in "${SANITIZER_LOGS:-/nonexistent}"/report.*; do
        [ -s "$file" ] || continue
        head -n 60 "$file"
        mv "$file" "$SANITIZER_LOGS/taken.${file##*/report.}"
        count=$((count + 1))
    done
    return "$((count > 255 ? 255 : count))"
}

count_lines() { # PATTERN FILE
    grep -cE "$1" "$2" || true
}

# Sets ok and bad from Criterion's last line.
read_synthesis() {
    local line numbers
    line=$(grep -E 'Synthesis: Tested:' "$1" | tail -n 1)
    ok=0
    bad=0
    [ -n "$line" ] || return
    read -r -a numbers <<<"$(tr -cd '0-9 \n' <<<"$line")"
    ok=${numbers[1]}
    bad=$((numbers[0] - numbers[1]))
}

run_program() {
    local program=$1 name log status ok bad start=$SECONDS limit=$seconds_max arguments=()
    name=$(basename "$program")
    log=$logs/$name.log
    case $name in
    unit*)
        limit=$unit_seconds_max
        arguments=(--timeout 60)
        ;;
    esac
    timeout -k 10 "$limit" "$program" "${arguments[@]}" </dev/null >"$log" 2>&1
    status=$?
    case $name in
    unit*) read_synthesis "$log" ;;
    *)
        ok=$(count_lines '^ok( |$)' "$log")
        bad=$(count_lines '^not ok( |$)' "$log")
        ;;
    esac
    local why=
    [ "$status" -ne 124 ] || why="timed out after $limit s"
    if [ "$bad" -eq 0 ] && [ "$status" -ne 0 ]; then
        why=${why:-"exit status $status"}
        bad=1
    elif [ "$bad" -eq 0 ] && [ "$ok" -eq 0 ]; then
        why='reported no case'
        bad=1
    fi
    local reports
    reports=$(take_reports)
    if [ $? -ne 0 ]; then
        why="${why:+$why; }sanitizer reports"
        bad=$((bad + 1))
    fi
    [ "$bad" -eq 0 ] || tail -n 100 "$log"
    [ -z "$reports" ] || echo "$reports"
    echo "$name: $ok passed, $bad failed${why:+ ($why)} ($((SECONDS - start)) s)"
    passed=$((passed + ok))
    failed=$((failed + bad))
}

for program in "$@"; do
    run_program "$program"
done
if [ $# -eq 0 ]; then
    echo 'no test programs'
    failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
