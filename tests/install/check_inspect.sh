#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_inspect.sh [--update] [BUILD]: what gst-inspect-1.0 prints for each element of the plugin is the same as in
# inspect/ELEMENT.txt, so that no property, caps or rank changes by accident. --update writes those files anew.
# BUILD is build/ unless given. GStreamer's own versions print differently, so others than 1.22 skip the test (77).

update=
[ "$1" != --update ] || { update=yes; shift; }
here=$(cd "$(dirname "$0")" && pwd) || exit 1
build=${1-$here/../../build}
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

export GST_PLUGIN_PATH="$build/elements" GST_REGISTRY="$scratch/registry.bin" LC_ALL=C
case $(gst-inspect-1.0 --version) in
  *'GStreamer 1.22.'*) ;;
  *) echo "The files were made with GStreamer 1.22; this is $(gst-inspect-1.0 --version | tail -n 1)."; exit 77 ;;
esac

elements=$(gst-inspect-1.0 vldm | sed -n 's/^  \(vldm[a-z]*\): .*/\1/p')
[ -n "$elements" ] || { echo "The plugin in $build/elements has no elements."; exit 1; }

status=0
for element in $elements; do
  gst-inspect-1.0 "$element" | sed -e '/^  Filename  /d' -e 's/ *$//' > "$scratch/$element.txt"
  if [ "$update" ]; then
    mkdir -p "$here/inspect"
    cp "$scratch/$element.txt" "$here/inspect/$element.txt"
  elif ! diff -u "$here/inspect/$element.txt" "$scratch/$element.txt"; then
    echo "$element is not what inspect/$element.txt says. If it should be: tests/install/check_inspect.sh --update"
    status=1
  fi
done
for file in "$here"/inspect/*.txt; do
  [ -e "$scratch/${file##*/}" ] || { echo "${file##*/} belongs to no element"; status=1; }
done
exit $status
