#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_demo.sh SOURCE BUILD: the README's first command makes a video that plays, and says what it made. It builds into
# SOURCE/build, so the test is skipped (77) for other build folders.

source=$1 build=$2
[ "$(realpath "$build")" = "$(realpath "$source/build")" ] || {
  echo "examples/demo.sh uses $source/build, and this is $build."
  exit 77
}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
unset VLDM_MODEL_PATH

fail () {
  echo "FAILED: $*"
  exit 1
}

# Quotes, exclamation marks and backslashes mean something to gst-launch-1.0, but are a prompt like any other here.
"$source/examples/demo.sh" 'a "city" street at night, it'\''s light traffic ! \ a=b' "$scratch/night.webm" > "$scratch/log" 2>&1 ||
  { cat "$scratch/log"; fail 'examples/demo.sh'; }
cat "$scratch/log"
grep -q 'night.webm: [0-9]* bytes, 256 x 128 pixels, 113 frames at 30 frames per second, 3.77 s' "$scratch/log" ||
  fail 'the result is not 8 key frames of the default model, interpolated twice'
[ -s "$scratch/night.png" ] || fail 'no night.png'

if "$source/examples/demo.sh" 'a prompt' "$scratch/night.mp4" > "$scratch/log" 2>&1; then
  fail 'a name that does not end in .webm is accepted'
fi
