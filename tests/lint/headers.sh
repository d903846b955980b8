#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fails where a header does not compile alone: LINT_CPPFLAGS=... tests/lint/headers.sh FILE...
set -eu

if [ $# -eq 0 ]; then
    echo 'headers: no files' >&2
    exit 1
fi
# shellcheck disable=SC2086
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" sh -c '
    printf "#include \"%s\"\n" "$0" | ${CC:-cc} $LINT_CPPFLAGS -std=gnu17 -Wall -Wextra -Werror \
        -fsyntax-only -x c - || exit 1
'
