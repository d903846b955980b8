#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves that the simulator catches a planted bug: tests/sim/planted.sh BUG SEEDS. The build is in
# $BUILD (build unless told otherwise).
set -u

bug=$1
seeds=$2
sim=${BUILD:-build}/tests/sim
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$sim" --bug="$bug" --seeds="$seeds" --jobs="$(nproc)" >"$log" 2>&1
status=$?
tail -n 3 "$log" | sed 's/^/  /; s/passed, \([0-9]*\) failed/did not notice, \1 caught it/'
if [ "$status" -ne 0 ] && grep -qE '^[0-9]+ passed, [1-9][0-9]* failed$' "$log"; then
    echo "ok - $bug is caught within the seeds $seeds"
    echo '1 passed, 0 failed'
else
    echo "not ok - $bug is not caught by any of the seeds $seeds"
    echo '0 passed, 1 failed'
    exit 1
fi
