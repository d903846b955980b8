#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make install` gives what a program needs to be built against the library, shared and static.
source "$(dirname "$0")/lib.sh"

root=$scratch/root
prefix=/opt/nowgrid
installed=$root$prefix
export PKG_CONFIG_PATH=$installed/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=
compiler=${CC:-gcc}

cat >"$scratch/program.c" <<'C'
#include <grid.h>
#include <stdio.h>

int main(void)
{
    struct grid_builder *builder = grid_builder_new();
    grid_build_str(builder, "us1");
    printf("%s %zu\n", grid_version(), grid_builder_bytes(builder).size);
    grid_builder_free(builder);
    return 0;
}
C

# The prefix of grid.pc is where the files will be in the end, not below DESTDIR.
flags() { # pkg-config arguments
    pkg-config --define-variable=prefix="$installed" "$@" grid
}

build_shared() {
    # shellcheck disable=SC2046
    $compiler $(flags --cflags) -o "$scratch/shared" "$scratch/program.c" $(flags --libs)
}

run_shared() {
    LD_LIBRARY_PATH=$installed/lib "$scratch/shared" | grep -qE '^[0-9.]+ 4$'
}

# The archive where there is one of ours, the system's libraries as they are.
build_static() {
    # shellcheck disable=SC2046
    $compiler $(flags --cflags) -o "$scratch/static" "$scratch/program.c" \
        $(flags --static --libs | sed 's/-lgrid/-l:libgrid.a/')
}

needs_soname() {
    readelf -d "$scratch/shared" | grep -q 'NEEDED.*\[libgrid.so.0\]'
}

exports_only_grid() {
    ! nm -D --defined-only "$installed/lib/libgrid.so" | awk '$2 ~ /[TDBR]/ {print $3}' |
        grep -v '^grid_'
}

archive_exports_only_grid() {
    ! nm -g --defined-only "$installed/lib/libgrid.a" | awk 'NF == 3 {print $3}' | grep -v '^grid_'
}

case_ok 'make install succeeds' make BUILD="$build" DESTDIR="$root" PREFIX="$prefix" install
for file in bin/grid-node bin/grid-shell bin/grid-bench include/grid.h lib/libgrid.a \
    lib/libgrid.so lib/libgrid.so.0 lib/pkgconfig/grid.pc share/man/man1/grid-node.1 \
    etc/nowgrid/grid.conf lib/systemd/system/grid-node.service; do
    case_ok "installed: $file" test -e "$installed/$file"
done
case_ok 'the unit names the installed places' grep -q \
    "^ExecStart=$prefix/bin/grid-node $prefix/etc/nowgrid/grid.conf\$" \
    "$installed/lib/systemd/system/grid-node.service"
case_ok 'the installed configuration is right' "$installed/bin/grid-node" --check-config \
    "$installed/etc/nowgrid/grid.conf"
case_ok 'a program builds against the shared library' build_shared
case_ok 'it asks for the soname' needs_soname
case_ok 'it runs' run_shared
case_ok 'a program builds against the archive' build_static
case_ok 'it runs, too' "$scratch/static"
case_ok 'the shared library exports grid_* only' exports_only_grid
case_ok 'the archive exports grid_* only' archive_exports_only_grid
echo '# mine' >>"$installed/etc/nowgrid/grid.conf"
case_ok 'a second install succeeds' make BUILD="$build" DESTDIR="$root" PREFIX="$prefix" install
case_ok 'it leaves a changed configuration alone' grep -q '^# mine' \
    "$installed/etc/nowgrid/grid.conf"
case_ok 'make uninstall succeeds' make BUILD="$build" DESTDIR="$root" PREFIX="$prefix" uninstall
case_ok 'it leaves no program behind' test ! -e "$installed/bin/grid-node"
case_ok 'it leaves the configuration' test -e "$installed/etc/nowgrid/grid.conf"
