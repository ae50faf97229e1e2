#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/sanitize.sh [address] [threads] [valgrind]: builds with gcc's sanitizers and runs the tests that say most under
# them; without arguments, address and threads. The exit status is 0 only if no test failed. docs/testing.md says what each
# of them sees.

cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh

[ $# -gt 0 ] || set -- address threads

# sanitize FOLDER SUITE SANITIZERS: its own build folder, made once. Addresses are not drawn at random, which
# ThreadSanitizer cannot do with on every kernel.
sanitize () {
  say "$3: building into $1"
  [ -e "$1/build.ninja" ] || meson setup "$1" -Db_sanitize="$3" -Db_lundef=false || fail "meson setup failed"
  ninja -C "$1" || fail "the build failed"
  say "$3: running the suite $2; the log will be $1/meson-logs/testlog-sanitize.txt"
  setarch --addr-no-randomize meson test -C "$1" --no-rebuild --setup sanitize --suite "$2" --print-errorlogs || status=1
}

# PoCL has LLVM in the process, which takes valgrind minutes: two frames of 64 x 32 in one step.
valgrind_once () {
  command -v valgrind > /dev/null || fail 'valgrind is not installed'
  build
  say 'valgrind: running one short pipeline; the log will be build/valgrind.txt'
  GST_PLUGIN_PATH_1_0=build/elements G_SLICE=always-malloc VLDM_TUNING=off valgrind --log-file=build/valgrind.txt \
    --suppressions=tests/sanitize/valgrind.supp --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
    --error-exitcode=1 gst-launch-1.0 vldmsrc steps=1 chunk-frames=2 ! video/x-vldm-latents,width=64,height=32 ! vldmdec ! \
    fakesink || status=1
  tail -n 1 build/valgrind.txt
}

status=0
for what in "$@"; do
  case $what in
    address) sanitize build-address sanitize address,undefined ;;
    threads) sanitize build-threads threads thread ;;
    valgrind) valgrind_once ;;
    *) fail "$what is none of address, threads, valgrind" ;;
  esac
done
exit $status
