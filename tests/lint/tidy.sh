#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fails where clang-tidy finds something: LINT_CPPFLAGS=... tests/lint/tidy.sh FILE...
# What is checked, and what not and why, stands in .clang-tidy.
set -eu

if [ $# -eq 0 ]; then
    echo 'tidy: no files' >&2
    exit 1
fi
# One process for a few files keeps all cores busy to the end. clang-tidy counts what it suppressed
# on standard error; its findings go to standard output.
# shellcheck disable=SC2086
printf '%s\0' "$@" | xargs -0 -n 4 -P "$(nproc)" sh -c '
    clang-tidy --quiet --warnings-as-errors="*" "$@" -- $LINT_CPPFLAGS -std=gnu17 2>"$0.$$"
    status=$?
    [ $status -eq 0 ] || grep -v "warnings generated" "$0.$$" || true
    rm -f "$0.$$"
    exit $status
' "$(mktemp -u)"
