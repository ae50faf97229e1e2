# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Sourced by tests of pipelines with the plugin's folder in $plugin: a scratch folder that goes away, a registry of its own,
# and what such tests say and ask.
# shellcheck shell=sh

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
export GST_PLUGIN_PATH_1_0="$plugin" GST_REGISTRY_1_0="$scratch/registry.bin" LC_ALL=C
unset VLDM_MODEL_PATH GST_PLUGIN_PATH

fail () {
  echo "FAILED: $*"
  [ ! -e "$scratch/log" ] || cat "$scratch/log"
  exit 1
}

launch () {
  timeout 300 gst-launch-1.0 "$@" > "$scratch/log" 2>&1
}

# Buffers that reached a "fakesink silent=false" of "gst-launch-1.0 -v".
count () {
  grep -c 'last-message = chain' "$scratch/log"
}

# Skips the test where an element is missing.
needs () {
  for element; do
    gst-inspect-1.0 --exists "$element" || { echo "There is no element $element here."; exit 77; }
  done
}

# The same for commands.
needs_command () {
  command -v "$1" > /dev/null || { echo "$1 is not installed here."; exit 77; }
}
