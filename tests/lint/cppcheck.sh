#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fails where cppcheck finds something: tests/lint/cppcheck.sh FILE...
# A suppression stands in the source, `// cppcheck-suppress id`, with its reason beside it.
set -eu

if [ $# -eq 0 ]; then
    echo 'cppcheck: no files' >&2
    exit 1
fi
# Criterion's macros hide from cppcheck what they expand to.
cppcheck --quiet --error-exitcode=1 -j "$(nproc)" --std=c11 --language=c -I. \
    --enable=warning,performance,portability --inline-suppr \
    --suppressions-list="$(dirname "$0")/cppcheck.txt" \
    '-DTest(suite,name,...)=void suite##_##name(void)' '-DTestSuite(suite,...)=extern int suite_' \
    --template='{file}:{line}: {severity}: {message} [{id}]' "$@"
