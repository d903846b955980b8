#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fails where clang-format would change a file: tests/lint/format.sh FILE...
set -eu

if [ $# -eq 0 ]; then
    echo 'format: no files' >&2
    exit 1
fi
# --style=file searches from the file upwards, so that planted samples follow the root's rules too.
clang-format --style=file --dry-run -Werror "$@"
