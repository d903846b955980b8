#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The demo, as a newcomer sees it, without a terminal.
source "$(dirname "$0")/lib.sh"

run_demo() {
    BUILD=$build client/examples/demo.sh >"$scratch/demo" 2>&1 </dev/null || {
        cat "$scratch/demo"
        return 1
    }
}

case_ok 'the demo ends with equal counts' run_demo
for change in ENTER UPDATE LEAVE; do
    case_ok "the demo shows $change" grep -q "$change" "$scratch/demo"
done
case_ok 'the demo says how to open the shell' grep -q 'grid-shell 127.0.0.1:' "$scratch/demo"
