#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_readme.sh SOURCE BUILD: the README's pipelines run as they stand there; windows become fakesink, and receivers,
# which never end, are left out.

source=$1 build=$2
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
unset VLDM_MODEL_PATH
export GST_PLUGIN_PATH="$build/elements" GST_REGISTRY="$scratch/registry.bin"

# One command a line, from the blocks between ``` lines.
awk '/^```/ { inside = !inside } inside && !/^```/ { if (sub(/\\$/, "")) printf "%s", $0; else print }' \
  "$source/README.md" | grep '^gst-launch-1.0' | grep -v '^gst-launch-1.0 udpsrc' > "$scratch/commands"
[ -s "$scratch/commands" ] || { echo 'FAILED: the README has no pipelines'; exit 1; }

cd "$scratch" || exit 1
while read -r command; do
  command=$(printf '%s' "$command" | sed 's/autovideosink/fakesink/')
  echo "== $command"
  sh -c "$command" < /dev/null > "$scratch/log" 2>&1 || { cat "$scratch/log"; echo 'FAILED'; exit 1; }
done < "$scratch/commands"

# 8 frames of 4 x 16 x 32 floats, as the README says.
[ "$(wc -c < latents.f32)" = $((8 * 4 * 16 * 32 * 4)) ] || { echo "FAILED: latents of $(wc -c < latents.f32) bytes"; exit 1; }
