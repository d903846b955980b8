#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs fuzz targets over their corpus and then FUZZ_SECONDS each on new inputs: tests/fuzz/run.sh
# PROGRAM... What breaks one is kept under $BUILD/fuzz-findings. The last line is
# `N passed, N failed`.
set -u

seconds=${FUZZ_SECONDS:-10}
build=${BUILD:-build-fuzz}
passed=0
failed=0
export UBSAN_OPTIONS=print_stacktrace=1

run_target() {
    local name seeds found log
    name=$(basename "$1")
    seeds=tests/fuzz/corpus/${name#fuzz_}
    found=$build/fuzz-corpus/$name
    log=$build/fuzz-logs/$name.log
    if [ -z "$(ls -A "$seeds" 2>/dev/null)" ]; then
        echo "not ok - $name: no seeds in $seeds"
        return 1
    fi
    mkdir -p "$found" "$build/fuzz-logs" "$build/fuzz-findings"
    # The first directory takes the new inputs; the seeds are read only.
    if ! "$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/fuzz-findings/$name-" "$found" "$seeds" \
        </dev/null >"$log" 2>&1; then
        grep -vE '^#[0-9]+.*(NEW|REDUCE|pulse)' "$log" | tail -n 60
        echo "not ok - $name"
        return 1
    fi
    echo "ok - $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
}

for target in "$@"; do
    if run_target "$target"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
if [ $# -eq 0 ]; then
    echo 'no fuzz targets'
    failed=1
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
