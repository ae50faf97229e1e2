#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_files.sh CASE PLUGIN_FOLDER [FOOTAGE_FOLDER | WRITER GOLDEN_FOLDER TOKENIZER]: pipelines into files of several kinds,
# which ffprobe reads back: numbers of frames, size, rate and times. The real elements with the default model; small
# pictures and one denoising step, since nobody looks at them. Cases that begin with "upsample" use an upsampler of drawn
# weights that WRITER writes, those that begin with "footage" recorded video out of FOOTAGE_FOLDER.

case=$1
plugin=$2
here=$(dirname "$0")
# shellcheck source=tests/pipelines/common.sh
. "$here/common.sh"
needs_command ffprobe
needs videoconvert

src='vldmsrc steps=1 prompt=street'
small='video/x-vldm-latents,width=64,height=32'

# is FILE FRAMES WIDTHxHEIGHT RATE TICK
is () {
  "$here/check_file.py" "$scratch/$@" || fail "$1"
}

case $case in
  upsample*)
    # After a line about the device.
    model=$("$3" "$4" "$5" | tail -n 1)
    [ -d "$model" ] || fail 'no model with an upsampler'
    trap 'rm -rf "$scratch" "$model"' EXIT
    ;;
  footage*)
    "$here/fetch_footage.sh" "$3" || exit 1
    footage=$3
    needs avdec_h264
    ;;
esac

case $case in
  webm)
    # 8 -> 29 -> 113, with a queue between.
    needs vp8enc webmmux
    launch -e $src ! "$small" ! vldminterp steps=1 ! queue ! vldminterp steps=1 ! vldmdec ! videoconvert ! vp8enc deadline=1 ! \
      webmmux ! filesink location="$scratch/a.webm" || fail "exit status $?"
    ! grep -q WARNING "$scratch/log" || fail 'a warning'
    is a.webm 113 64x32 30/1 0.001
    gst-discoverer-1.0 -v "$scratch/a.webm" > "$scratch/log" 2>&1 || fail 'gst-discoverer-1.0'
    grep -q 'title: street' "$scratch/log" || fail 'the prompt is not in the tags'
    ;;
  mp4)
    # x264enc moves time stamps by 1000 hours and reorders frames; a rate that is no whole number.
    needs x264enc mp4mux
    launch -e $src num-buffers=5 frames=0 ! "$small,framerate=6000/1001" ! vldminterp steps=1 tail=hold ! queue ! vldmdec ! \
      queue ! videoconvert ! video/x-raw,format=I420 ! x264enc ! mp4mux ! filesink location="$scratch/a.mp4" || fail "exit status $?"
    is a.mp4 20 64x32 24000/1001 0.0001
    ;;
  mkv)
    # VP9 in Matroska, more key frames than one window.
    needs vp9enc matroskamux
    launch -e $src frames=11 ! "$small,framerate=30000/1001" ! vldmdec ! videoconvert ! vp9enc deadline=1 ! matroskamux ! \
      filesink location="$scratch/a.mkv" || fail "exit status $?"
    is a.mkv 11 64x32 30000/1001 0.001
    ;;
  ogg)
    needs theoraenc oggmux
    launch -e $src ! "$small,framerate=12/1" ! vldminterp steps=1 ! vldmdec ! videoconvert ! theoraenc ! oggmux ! \
      filesink location="$scratch/a.ogg" || fail "exit status $?"
    is a.ogg 29 64x32 48/1 0.0001
    ;;
  avi)
    needs jpegenc avimux
    launch -e $src ! "$small,framerate=25/1" ! vldmdec ! videoconvert ! jpegenc ! avimux ! filesink location="$scratch/a.avi" ||
      fail "exit status $?"
    is a.avi 8 64x32 25/1 0.0001
    ;;
  picture)
    # A video that begins with a picture.
    needs pngenc pngdec vp8enc webmmux
    launch videotestsrc num-buffers=1 ! video/x-raw,width=100,height=80 ! videoconvert ! pngenc ! filesink location="$scratch/a.png" ||
      fail "exit status $?"
    launch -e filesrc location="$scratch/a.png" ! pngdec ! videoconvert ! videoscale ! video/x-raw,width=64,height=32 ! vldmenc ! \
      src.context  $src name=src frames=10 ! vldmdec ! videoconvert ! vp8enc deadline=1 ! webmmux ! \
      filesink location="$scratch/a.webm" || fail "exit status $?"
    is a.webm 10 64x32 15/8 0.001
    # Of a size that the model does not make.
    launch filesrc location="$scratch/a.png" ! pngdec ! videoconvert ! vldmenc ! src.context  $src name=src ! vldmdec ! fakesink &&
      fail 'a picture 100 wide is accepted'
    grep -q 'width is 100.*96 and 104' "$scratch/log" || fail 'the message does not name the nearest widths'
    ;;
  late)
    # A film whose sound begins first, in a file that counts milliseconds: all pictures are half a frame late (16, 50, 83 ... ms),
    # and all gaps are filled.
    needs_command ffmpeg
    needs avdec_ffv1 matroskademux
    for rate in 30 24000/1001; do
      timeout 60 ffmpeg -v error -nostdin -y -f lavfi -i sine=duration=0.6 -f lavfi -i testsrc=size=16x16:rate=$rate:duration=3 -frames:v 12 -map 0 -map 1 \
        -vf "settb=1/1000,setpts=floor((N+0.5)*1000/($rate))" -vsync passthrough -enc_time_base 1/1000 -c:a pcm_s16le -c:v ffv1 \
        "$scratch/a.mkv" || fail 'ffmpeg'
      launch -v filesrc location="$scratch/a.mkv" ! decodebin name=in  in. ! queue ! audioconvert ! fakesink \
        in. ! queue ! videoconvert ! vldmenc ! vldminterp steps=1 ! fakesink silent=false || fail "exit status $?"
      [ "$(grep -c 'last-message = chain.*fakesink1' "$scratch/log")" = 45 ] || fail "not 45 frames at $rate a second"
    done
    ;;
  upsample-pictures)
    needs vp8enc webmmux
    launch -e $src num-buffers=3 ! "$small,framerate=15/1" ! vldminterp steps=1 ! vldmdec ! vldmsr steps=1 model-path="$model" ! \
      videoconvert ! vp8enc deadline=1 ! webmmux ! filesink location="$scratch/a.webm" || fail "exit status $?"
    is a.webm 9 256x128 60/1 0.001
    launch videotestsrc num-buffers=1 ! video/x-raw,format=RGB,width=16,height=16,interlace-mode=interleaved ! queue ! \
      vldmsr steps=1 model-path="$model" ! fakesink && fail 'interlaced video is accepted'
    grep -q 'interlaced.*deinterlace' "$scratch/log" || fail 'the message does not say what interlaced video needs'
    ;;
  upsample-latents)
    # Latents all the way, decoded by the autoencoder of the upsampler.
    needs x264enc mp4mux
    launch -e $src num-buffers=3 ! "$small,framerate=15/1" ! vldminterp steps=1 ! vldmsr steps=1 model-path="$model" ! vldmdec ! \
      videoconvert ! x264enc ! mp4mux ! filesink location="$scratch/a.mp4" || fail "exit status $?"
    is a.mp4 9 256x128 60/1 0.0001
    ;;
  footage-carphone)
    # All of it, at its own rate. A warning says that the model knows lower ones.
    needs vp8enc matroskamux
    launch -e filesrc location="$footage/carphone_pristine.mp4" ! decodebin ! videoconvert ! videoscale ! \
      video/x-raw,width=44,height=36 ! vldmenc ! vldminterp steps=1 ! vldmdec ! videoconvert ! vp8enc deadline=1 ! matroskamux ! \
      filesink location="$scratch/a.mkv" || fail "exit status $?"
    is a.mkv 477 44x36 120000/1001 0.001
    ;;
  footage-bikes)
    # Its own size is 640 x 272; 10 s at another rate. Rates below half of what the model knows make it warn.
    needs x264enc mp4mux
    launch -e filesrc location="$footage/bikes.mp4" ! decodebin ! videoconvert ! videorate ! videoscale ! \
      video/x-raw,width=80,height=34,framerate=5/2,pixel-aspect-ratio=1/1 ! queue ! vldmenc ! queue ! vldminterp steps=1 tail=hold ! \
      queue ! vldmdec ! videoconvert ! video/x-raw,format=I420 ! x264enc ! mp4mux ! filesink location="$scratch/a.mp4" ||
      fail "exit status $?"
    is a.mp4 100 80x34 10/1 0.0001
    ;;
  footage-bigbuckbunny)
    # With sound beside it, through what is made of the pictures. 132 frames at 25 a second, every fourth of them.
    needs x264enc matroskamux avdec_aac vorbisenc
    launch -e matroskamux name=mux ! filesink location="$scratch/a.mkv"  filesrc location="$footage/bigbuckbunny.mp4" ! \
      decodebin name=in  in. ! queue max-size-time=0 max-size-bytes=0 ! audioconvert ! vorbisenc ! queue max-size-time=0 max-size-bytes=0 ! mux. \
      in. ! videoconvert ! videorate ! videoscale ! video/x-raw,width=64,height=36,framerate=25/4 ! vldmenc ! vldminterp steps=1 ! \
      vldmdec ! videoconvert ! x264enc ! queue max-size-time=0 max-size-bytes=0 ! mux. || fail "exit status $?"
    is a.mkv 129 64x36 25/1 0.001
    ffprobe -v error -select_streams a -show_entries stream=codec_name -of csv=p=0 "$scratch/a.mkv" | grep -q vorbis || fail 'no sound'
    ;;
  *)
    fail "unknown case $case"
    ;;
esac
