#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Statement coverage of a build with COVERAGE=1 whose tests have run: tests/coverage.sh FILE.c...
# One line per folder, and the files below 90 %.
set -eu

build=${BUILD:-build-coverage}
for source in "$@"; do
    object=$build/obj/${source%.c}.o
    if [ ! -e "${object%.o}.gcda" ]; then
        echo "$source 0 0"
        continue
    fi
    gcov --no-output --object-directory "$(dirname "$object")" "$object" 2>/dev/null |
        awk -v source="$source" '
            /^File / { ours = index($0, "\047" source "\047") > 0 }
            ours && /^Lines executed:/ {
                split($0, piece, /[:%]/); sub(/.* of /, "")
                print source, piece[2], $0
                exit
            }'
done | sort | awk '
    {
        folder = $1; sub(/\/[^\/]*$/, "", folder)
        lines[folder] += $3; covered[folder] += $2 * $3 / 100
        all += $3; all_covered += $2 * $3 / 100
        if ($3 == 0) printf "  %-40s not run\n", $1
        else if ($2 < 90) printf "  %-40s %5.1f %% of %d\n", $1, $2, $3
    }
    END {
        for (folder in lines)
            printf "%-42s %5.1f %% of %d\n", folder, \
                100 * covered[folder] / (lines[folder] ? lines[folder] : 1), lines[folder] | "sort"
        close("sort")
        printf "%-42s %5.1f %% of %d\n", "all", 100 * all_covered / (all ? all : 1), all
    }'
