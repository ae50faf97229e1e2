#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_uri.sh CASE PLUGIN_FOLDER: what opens URIs opens vldm:// URIs, with the real elements and the default model. A tool
# or element that is not installed skips its case (77).

case=$1
plugin=$2
# shellcheck source=tests/pipelines/common.sh
. "$(dirname "$0")/common.sh"

uri='vldm://a%20city%20street%20at%20night;frames=8;steps=2'
# Two windows, which play faster than they are made, and a sink that drops late frames, as video sinks do.
played="vldm://a%20city%20street%20at%20night;frames=14;steps=2;width=128;height=64;fps=15"
shows='fakesink silent=false sync=true qos=true max-lateness=5000000'

case $case in
  discoverer)
    needs_command gst-discoverer-1.0
    # Long after its time limit of 10 s with so many steps, so it must do without a picture.
    timeout 300 gst-discoverer-1.0 -v 'vldm://a%20cat;frames=6;fps=3;steps=1000;width=128;interp=1' > "$scratch/log" 2>&1 ||
      fail "exit status $?"
    # 6 key frames become 21, 12 a second.
    for property in 'Duration: 0:00:01.750000000' 'Seekable: yes' 'Live: no' 'Width: 128' 'Height: 128' 'Frame rate: 12/1' \
      'title: a cat'; do
      grep -q "$property" "$scratch/log" || fail "no '$property'"
    done
    ;;
  playbin | playbin3)
    timeout 300 gst-launch-1.0 -v "$case" uri="$played" video-sink="$shows" > "$scratch/log" 2>&1 || fail "exit status $?"
    [ "$(count)" = 14 ] || fail "$(count) frames instead of 14"
    ;;
  uridecodebin | uridecodebin3)
    # shellcheck disable=SC2086
    timeout 300 gst-launch-1.0 -v "$case" uri="$played" ! $shows > "$scratch/log" 2>&1 || fail "exit status $?"
    [ "$(count)" = 14 ] || fail "$(count) frames instead of 14"
    ;;
  decodebin)
    timeout 300 gst-launch-1.0 -v vldmbin uri="$uri" ! decodebin ! fakesink silent=false > "$scratch/log" 2>&1 ||
      fail "exit status $?"
    [ "$(count)" = 8 ] || fail "$(count) frames instead of 8"
    ;;
  play)
    needs_command gst-play-1.0
    timeout 300 gst-play-1.0 --no-interactive --videosink=fakesink "$uri" > "$scratch/log" 2>&1 || fail "exit status $?"
    grep -q 'Prerolled' "$scratch/log" && grep -q 'Reached end of play list' "$scratch/log" || fail 'it does not play'
    ! grep -q ERROR "$scratch/log" || fail 'it plays with an error'
    ;;
  ges)
    needs_command ges-launch-1.0
    timeout 300 ges-launch-1.0 --track-types=video --video-caps='video/x-raw,width=256,height=128,framerate=8/1,format=I420' \
      +clip "$uri" inpoint=0.5 duration=1.0 -o "file://$scratch/clip.webm" -f video/webm:video/x-vp8 \
      > "$scratch/log" 2>&1 < /dev/null || fail "exit status $?"
    timeout 60 gst-launch-1.0 -v filesrc location="$scratch/clip.webm" ! matroskademux ! fakesink silent=false \
      > "$scratch/log" 2>&1 || fail 'reading the file'
    [ "$(count)" = 8 ] || fail "$(count) frames instead of 8"
    ;;
  refusal)
    # One clear error, through elements that only hand the URI on.
    for opener in 'uridecodebin' 'uridecodebin3' 'playbin video-sink=fakesink' 'playbin3 video-sink=fakesink'; do
      case $opener in playbin*) sink='' ;; *) sink='! fakesink' ;; esac
      # shellcheck disable=SC2086
      timeout 60 gst-launch-1.0 $opener uri='vldm://a;fram=8' $sink > "$scratch/log" 2>&1 && fail "$opener accepts fram"
      [ "$(grep -c '^ERROR: from' "$scratch/log")" = 1 ] || fail "not one error of $opener"
      grep -q "^ERROR: from.*'fram'.*guidance-scale" "$scratch/log" ||
        fail "the message of $opener does not name it and list the others"
    done
    ;;
  discoverer-refusal)
    # What cannot be played is not discovered as if it could, though nothing is generated for that.
    needs_command gst-discoverer-1.0
    while read -r refused says; do
      timeout 60 gst-discoverer-1.0 "vldm://a$refused" > "$scratch/log" 2>&1
      grep -q "$says" "$scratch/log" || fail "discovery of vldm://a$refused does not say '$says'"
    done << 'END'
;fram=8 'fram'.*guidance-scale
?fram=8 'fram'.*guidance-scale
;sr=1 neither a folder "upsampler" nor
;interp=1;interp-steps=5000 steps is 5000
;interp=3 interp=1;interp-factor=3
;dec-chunk-frames=100000 chunk-frames is 100000
;chunk-frames=100000 chunk-frames is 100000
;width=250 the nearest are 248 and 256
;model=/no/such /no/such
END
    timeout 60 gst-discoverer-1.0 -v 'vldm://a%3F?seed=3&frames=6' > "$scratch/log" 2>&1
    grep -q 'title: a?$' "$scratch/log" || fail 'the title is not the prompt'
    grep -q 'Duration: 0:00:03.2' "$scratch/log" || fail 'a query is not understood as settings'
    ;;
  *)
    fail "unknown case $case"
    ;;
esac
