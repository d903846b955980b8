#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves that every gate rejects what is planted for it, and lets good code pass. Run by `make
# lint`, which sets CC, LINT_CPPFLAGS and LINT_CFLAGS. Prints a line per proof.
set -u

planted=tests/lint/planted
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bad=0

# rejects WHAT PATTERN COMMAND...: the command must fail, and for the reason that PATTERN names.
rejects() {
    local what=$1 pattern=$2
    shift 2
    if "$@" >"$scratch/output" 2>&1; then
        echo "not ok - $what: the gate let it pass"
        bad=1
    elif ! grep -qE -- "$pattern" "$scratch/output"; then
        echo "not ok - $what: rejected, but not for '$pattern':"
        head -n 20 "$scratch/output"
        bad=1
    else
        echo "ok - $what"
    fi
}

accepts() {
    local what=$1
    shift
    if "$@" >"$scratch/output" 2>&1; then
        echo "ok - $what"
    else
        echo "not ok - $what:"
        head -n 20 "$scratch/output"
        bad=1
    fi
}

compile() { # COMPILER FLAGS... FILE
    # shellcheck disable=SC2086
    "$@" $LINT_CPPFLAGS $LINT_CFLAGS
}

build_test() { # NAME FLAGS...
    local name=$1
    shift
    compile gcc "$@" -o "$scratch/$name" "$planted/$name.c" -pthread
}

run_tests() { # PROGRAM..., as `make test` does
    TEST_LOGS=$scratch/logs SANITIZER_LOGS=$scratch/reports tests/run.sh "$@"
}

good=$planted/good.c
# The samples of clang-tidy are judged as code of the product, by the root's rules.
cp .clang-tidy "$planted/tidy.c" "$scratch"
for gate in format tidy cppcheck; do
    sample=$planted/$gate.c
    [ "$gate" != tidy ] || sample=$scratch/tidy.c
    rejects "$gate finds its sample" "$gate.c:" "tests/lint/$gate.sh" "$sample"
    accepts "$gate lets good code pass" "tests/lint/$gate.sh" "$good"
    rejects "$gate without files fails" 'no files' "tests/lint/$gate.sh"
done

rejects 'headers finds a header that needs another' size_t tests/lint/headers.sh \
    "$planted/header.h"
accepts 'headers lets a good header pass' tests/lint/headers.sh cluster/base/bytes.h
rejects 'headers without files fails' 'no files' tests/lint/headers.sh

arrows() { # FILE, named from the planted tree
    tests/lint/arrows.sh "$planted" "$1"
}
rejects 'arrows: rules do not know wire' 'must not include' arrows cluster/rules/knows_wire.c
rejects 'arrows: rules read no clock' 'must not include' arrows cluster/rules/reads_clock.c
rejects 'arrows: the store does not know queries' 'must not include' arrows \
    node/store/knows_query.c
rejects 'arrows: the store knows no events' 'must not include' arrows node/store/uses_events.c
rejects 'arrows: workers do not know the net' 'must not include' arrows node/worker/knows_net.c
rejects 'arrows: the shell does not know nodes' 'must not include' arrows \
    client/shell/knows_node.c
rejects 'arrows: every file has its part' 'in no part' arrows good.c
accepts 'arrows lets good code pass' tests/lint/arrows.sh . cluster/base/bytes.h
rejects 'arrows without files fails' 'no files' tests/lint/arrows.sh .

for compiler in gcc clang; do
    rejects "$compiler stops at a warning" 'conversion' compile "$compiler" -c \
        -o "$scratch/o" "$planted/warning.c"
    accepts "$compiler compiles good code" compile "$compiler" -c -o "$scratch/o" "$good"
done

accepts 'the failing test compiles' build_test unit_failing -lcriterion
rejects 'test: a failing unit test fails' '^1 passed, 1 failed$' run_tests "$scratch/unit_failing"
rejects 'test: a failing system test fails' '^1 passed, 1 failed$' run_tests \
    "$planted/test_failing.sh"
rejects 'test: a test without cases fails' 'reported no case' run_tests "$planted/test_silent.sh"
rejects 'test: no programs fail' 'no test programs' run_tests

accepts 'the leaking test compiles' build_test unit_leak -fsanitize=address -lcriterion
rejects 'san: a leak fails' 'LeakSanitizer' run_tests "$scratch/unit_leak"
accepts 'the racing program compiles' build_test race -fsanitize=thread
rejects 'tsan: a race fails' 'data race' run_tests "$scratch/race"

exit "$bad"
