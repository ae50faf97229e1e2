#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# examples/demo.sh "PROMPT" OUT.webm: installs the packages that are missing, builds gst-vldm and makes a video of the
# prompt with the model that comes with it: 8 key frames, interpolated twice to 113 frames, decoded, and upsampled where
# the model (or that of VLDM_MODEL_PATH) has an upsampler. Leaves OUT.png beside the video, a sheet of the stages: the key
# frames, frames of the first interpolation, frames of the second.
# Nothing is installed outside Debian's packages: the plugin runs from the build folder.

usage='usage: examples/demo.sh "PROMPT" OUT.webm
such as: examples/demo.sh "a city street at night, light traffic" night.webm'
[ $# -eq 2 ] || { printf '%s\n' "$usage" >&2; exit 2; }

prompt=$1
case $2 in
  /*.webm) video=$2 ;;
  *.webm) video=$PWD/$2 ;;
  *) printf 'demo.sh: the video is written as WebM, so its name must end in .webm: %s\n%s\n' "$2" "$usage" >&2; exit 2 ;;
esac
sheet=${video%.webm}.png
[ -w "$(dirname "$video")" ] || { printf 'demo.sh: cannot write into the folder of %s\n' "$video" >&2; exit 2; }

cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh

# shellcheck disable=SC2086
install_packages $build_packages $run_packages
# shellcheck disable=SC2119
build

# A registry of its own: the plugin is found in the build folder and stays unknown to other programs.
export GST_PLUGIN_PATH="$PWD/build/elements" GST_REGISTRY="$PWD/build/registry.bin"

upsample=
[ ! -d "${VLDM_MODEL_PATH:-models/drive}/upsampler" ] || upsample='! vldmsr'

say "Making $video; on a device's first run its kernels are compiled too"
started=$(date +%s)
quoted=$(printf '%s' "$prompt" | sed 's/["\\]/\\&/g')
# shellcheck disable=SC2086
gst-launch-1.0 vldmsrc prompt="\"$quoted\"" ! vldminterp ! vldminterp ! vldmdec $upsample \
  ! videoconvert ! video/x-raw,format=I420 \
  ! vp8enc end-usage=cq cq-level=4 min-quantizer=0 max-quantizer=24 deadline=0 ! webmmux ! filesink location="$video" ||
  { rm -f "$video"; fail "no video was made (GStreamer's message is above)"; }
took=$(($(date +%s) - started))

frames=$(python3 examples/contact_sheet.py "$video" "$sheet" 16 4 1) ||
  fail "$video was written, but cannot be played back (the message is above)"
say "Done in $took s:"
printf '%s: %s bytes, %s\n%s: key frames and frames of both interpolations, a row each\n' "$video" "$(wc -c < "$video")" "$frames" "$sheet"
