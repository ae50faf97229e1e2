#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_sandbox.sh CASE PLUGIN_FOLDER: where a process has less than usual around it, as services, containers and build sandboxes
# do, frames come, or an error says what is missing; nothing ends the process.

case=$1
plugin=$2
# shellcheck source=tests/pipelines/common.sh
. "$(dirname "$0")/common.sh"
unset VLDM_CACHE_DIR POCL_CACHE_DIR XDG_CACHE_HOME XDG_RUNTIME_DIR

needs_command unshare
grep -qs pocl /etc/OpenCL/vendors/*.icd || { echo 'PoCL is not installed here.'; exit 77; }
gst-inspect-1.0 vldmsrc > "$scratch/log" 2>&1 || fail 'the plugin does not load'

# Where the case is made of mounts that only this process sees. Root needs no user namespace.
[ "$(id -u)" = 0 ] && apart='unshare --mount' || apart='unshare --map-root-user --mount'
$apart true 2> "$scratch/log" || { echo "No mounts of its own for a process here: $(cat "$scratch/log")"; exit 77; }

# play MOUNT...: "FOLDER" or "FOLDER,OPTION..." get an empty file system; then one small frame is made.
# shellcheck disable=SC2016
play () {
  # shellcheck disable=SC2086
  timeout 300 $apart sh -c '
    for mount; do
      mount -t tmpfs -o "rw,${mount#*,}" none "${mount%%,*}" || exit 77
    done
    exec gst-launch-1.0 vldmsrc steps=1 num-buffers=1 ! video/x-vldm-latents,width=64,height=32 ! fakesink
  ' sh "$@" > "$scratch/log" 2>&1
}

# An error in words that name the cache folder.
refused () {
  status=$?
  [ $status = 1 ] || fail "exit status $status instead of 1"
  grep -q "^ERROR.*cache folder.*$1" "$scratch/log" || fail "no word of $1"
  ! grep -q pocl-opencl-icd "$scratch/log" || fail 'it advises to install what is installed'
}

case $case in
  no-sys)
    for folder in /sys /sys/devices/system/cpu /sys/devices/system/node; do
      [ ! -d $folder ] || play $folder,mode=755 || fail "without $folder: exit status $?"
    done
    ;;
  no-home)
    # A user of whom the system knows nothing.
    unshare --user --map-user=54321 true 2> "$scratch/log" || { echo "No user of one's own choice here: $(cat "$scratch/log")"; exit 77; }
    env -u HOME VLDM_CACHE_DIR="$scratch/cache" unshare --user --map-user=54321 \
      timeout 300 gst-launch-1.0 vldmsrc steps=1 num-buffers=1 ! video/x-vldm-latents,width=64,height=32 ! fakesink > "$scratch/log" 2>&1 \
      || fail "exit status $?"
    [ -d "$scratch/cache/pocl" ] || fail 'kernels are where anybody may put some'
    ;;
  full-disk)
    mkdir "$scratch/full"
    POCL_CACHE_DIR="$scratch/full/kernels" play "$scratch/full,size=64k"
    refused 'MB are free'
    # PoCL's own place is full, the plugin's is not.
    HOME="$scratch/full" VLDM_CACHE_DIR="$scratch/cache" play "$scratch/full,size=64k" || fail "exit status $?"
    ;;
  noexec)
    mkdir "$scratch/noexec"
    POCL_CACHE_DIR="$scratch/noexec" play "$scratch/noexec,noexec"
    refused 'not permitted'
    HOME="$scratch/noexec" VLDM_CACHE_DIR="$scratch/cache" play "$scratch/noexec,noexec" || fail "exit status $?"
    ;;
  *)
    fail "no case $case"
    ;;
esac
