#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# tests/run.sh [meson options]: installs the packages that are missing, builds into build/ and runs every test of the
# quick suite. The last line is "N passed, N failed, N skipped"; the exit status is 0 only if tests ran and none failed.

cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh

# shellcheck disable=SC2086
install_packages $build_packages $run_packages $test_packages
build "$@"

# The formatter that GStreamer's own code uses; the test style-indent is skipped where it cannot be had.
indent=build/venv/bin/gst-indent-1.0
if [ ! -x $indent ]; then
  say "Installing gst-indent from PyPI into build/venv, to check the C files' style"
  if ! { python3 -m venv build/venv && build/venv/bin/pip -q install gst-indent==1.0.0; }; then
    say "gst-indent could not be installed (no network?): the test style-indent will be skipped."
  fi
fi

# Tests of recorded video fail without these, and say so.
tests/pipelines/fetch_footage.sh build/footage

say "Running the tests; the log will be build/meson-logs/testlog.txt"
rm -f build/meson-logs/testlog.json
meson test -C build --no-rebuild --print-errorlogs
status=$?

# One line a test in meson's log, each an object with the test's "result".
python3 - build/meson-logs/testlog.json <<'END' || status=1
import collections, json, sys
try:
    with open(sys.argv[1]) as log:
        results = collections.Counter(json.loads(line)['result'] for line in log)
except FileNotFoundError:
    sys.exit('run.sh: no test ran')
passed = results['OK'] + results['EXPECTEDFAIL']
skipped = results['SKIP']
failed = sum(results.values()) - passed - skipped
print(f'{passed} passed, {failed} failed, {skipped} skipped')
sys.exit(failed > 0 or passed == 0)
END
exit $status
