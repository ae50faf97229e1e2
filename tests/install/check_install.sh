#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_install.sh SOURCE BUILD: the plugin works from the build folder under "meson devenv", and from a prefix after
# the source and build folders are gone: with its default model, exporting nothing but its descriptor.

source=$1 build=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
unset VLDM_MODEL_PATH GST_PLUGIN_PATH GST_PLUGIN_PATH_1_0
export GST_REGISTRY="$scratch/registry.bin" GST_REGISTRY_1_0="$scratch/registry.bin"

fail () {
  echo "FAILED: $*"
  exit 1
}

echo '== From the build folder'
meson devenv -C "$build" gst-inspect-1.0 vldmsrc > "$scratch/devenv.log" 2>&1 ||
  { cat "$scratch/devenv.log"; fail 'meson devenv does not find vldmsrc'; }

echo '== Installing a copy of the sources'
mkdir "$scratch/source"
tar -C "$source" -c --exclude='./build*' --exclude='./.git' . | tar -C "$scratch/source" -x || fail 'cannot copy the sources'
meson setup --prefix="$scratch/usr" --buildtype=debug -Dtests=disabled "$scratch/build" "$scratch/source" \
  > "$scratch/setup.log" || { cat "$scratch/setup.log"; fail 'meson setup'; }
meson install -C "$scratch/build" > "$scratch/install.log" || { cat "$scratch/install.log"; fail 'meson install'; }
rm -rf "$scratch/source" "$scratch/build"

echo '== What is there: the plugin and the model, nothing else'
(cd "$source/models" && find drive -type f | sed 's,^,share/gst-vldm/models/,' | LC_ALL=C sort) > "$scratch/wanted"
plugin=$(cd "$scratch/usr" && find . -name libgstvldm.so | sed 's,^\./,,')
printf '%s\n' "$plugin" >> "$scratch/wanted"
(cd "$scratch/usr" && find . -type f | sed 's,^\./,,') | LC_ALL=C sort > "$scratch/found"
LC_ALL=C sort "$scratch/wanted" | diff -u - "$scratch/found" || fail 'the list of installed files (- wanted, + found)'

symbols=$(nm -D --defined-only "$scratch/usr/$plugin" | awk '{ print $3 }' | LC_ALL=C sort | tr '\n' ' ')
[ "$symbols" = 'gst_plugin_vldm_get_desc gst_plugin_vldm_register ' ] || fail "exported symbols: $symbols"

echo '== Running it'
export GST_PLUGIN_PATH="$scratch/usr/${plugin%/*}"
gst-inspect-1.0 vldmdec > "$scratch/inspect.log" || { cat "$scratch/inspect.log"; fail 'gst-inspect-1.0'; }
gst-launch-1.0 vldmsrc prompt='a country road' steps=1 ! vldmdec ! filesink location="$scratch/frames.rgb" ||
  fail 'gst-launch-1.0'
# The default model's size: 8 frames of 256 x 128 RGB.
[ "$(wc -c < "$scratch/frames.rgb")" = $((8 * 256 * 128 * 3)) ] || fail "$(wc -c < "$scratch/frames.rgb") bytes of video"
