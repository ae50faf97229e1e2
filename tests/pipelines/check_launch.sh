#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_launch.sh CASE PLUGIN_FOLDER: gst-launch-1.0 with the real elements and the default model, as users run it. Few
# denoising steps, since nobody looks at the pictures.

case=$1
plugin=$2
# shellcheck source=tests/pipelines/common.sh
. "$(dirname "$0")/common.sh"

src='vldmsrc steps=2 prompt=street'

# The default model in "$scratch/model", of which the component $1 may be changed.
copy_model () {
  mkdir "$scratch/model"
  for file in "$(cd "$(dirname "$0")/../../models/drive" && pwd)"/*; do
    ln -s "$file" "$scratch/model"
  done
  rm "$scratch/model/$1"
  cp -r "$(dirname "$0")/../../models/drive/$1" "$scratch/model"
}

case $case in
  plain)
    # Leaks become warnings at the end, and warnings are fatal.
    GST_TRACERS=leaks G_DEBUG=fatal-warnings launch -v $src ! vldmdec ! fakesink silent=false || fail "exit status $?"
    [ "$(count)" = 8 ] || fail "$(count) frames instead of 8"
    for activity in load-model encode-text denoise decode; do
      grep -q "^Progress: ($activity)" "$scratch/log" || fail "no progress message of $activity"
    done
    ;;
  first_frame)
    # A picture's latents begin a video and come out as they went in; its size is the video's.
    launch $src num-buffers=1 ! video/x-vldm-latents,width=64,height=64 ! filesink location="$scratch/first.f32" || fail "exit status $?"
    caps='video/x-vldm-latents,format=F32LE,width=64,height=64,latent-width=8,latent-height=8,latent-channels=4'
    launch filesrc blocksize=1024 location="$scratch/first.f32" ! "$caps,latent-space=vae,framerate=0/1,pixel-aspect-ratio=1/1" ! \
      src.context $src name=src frames=10 ! filesink location="$scratch/video.f32" || fail "exit status $?"
    [ "$(wc -c < "$scratch/video.f32")" = 10240 ] || fail "$(wc -c < "$scratch/video.f32") bytes instead of 10 frames of 1024"
    cmp -n 1024 "$scratch/first.f32" "$scratch/video.f32" || fail 'the first frame is not the given one'
    ;;
  storyboard)
    # Subtitles are prompts, each from its time on, in milliseconds: 2.667 s is frame 5 at 15/8 frames per second.
    needs subparse
    printf '1\n00:00:00,000 --> 00:00:02,000\na highway\n\n2\n00:00:02,667 --> 00:00:06,000\na city street\n\n' > "$scratch/story.srt"
    launch -v filesrc location="$scratch/story.srt" ! subparse ! src.prompt $src name=src frames=10 ! \
      video/x-vldm-latents,width=64,height=64 ! fakesink silent=false || fail "exit status $?"
    [ "$(count)" = 10 ] || fail "$(count) frames instead of 10"
    sed -n 's/.*vldm-conditioning, prompt=(string)"\([^"]*\)".*/\1/p; s/.*chain .*offset: \([0-9]*\),.*/\1/p' "$scratch/log" | tr -d '\\' | \
      tr '\n' ' ' > "$scratch/order"
    [ "$(cat "$scratch/order")" = 'a highway 0 1 2 3 4 a city street 5 6 7 8 9 ' ] || fail "order: $(cat "$scratch/order")"
    ;;
  sync)
    # A sink that drops late frames, as video sinks do.
    launch -v $src ! vldmdec ! fakesink silent=false sync=true qos=true max-lateness=5000000 || fail "exit status $?"
    [ "$(count)" = 8 ] || fail "$(count) frames shown instead of 8"
    ;;
  file)
    needs vp8enc webmmux videoconvert
    launch -e $src ! video/x-vldm-latents,width=128,height=64,framerate=24000/1001 ! vldmdec ! videoconvert ! \
      video/x-raw,format=I420 ! vp8enc deadline=1 ! webmmux ! filesink location="$scratch/street.webm" || fail "exit status $?"
    launch -v filesrc location="$scratch/street.webm" ! matroskademux ! fakesink silent=false || fail 'reading the file'
    [ "$(count)" = 8 ] || fail "$(count) frames in the file instead of 8"
    grep -q 'chain.*pts: 0:00:00.000000000,' "$scratch/log" || fail 'the file does not begin at 0'
    gst-discoverer-1.0 -v "$scratch/street.webm" > "$scratch/log" 2>&1 || fail 'gst-discoverer-1.0'
    grep -q 'Width: 128' "$scratch/log" && grep -q 'Height: 64' "$scratch/log" || fail 'the size is wrong'
    grep -q 'Frame rate: 24000/1001' "$scratch/log" || fail 'the frame rate is wrong'
    # 8 frames last 0.333667 s; webm counts milliseconds.
    grep -Eq 'Duration: 0:00:00\.33[34]' "$scratch/log" || fail 'the duration is wrong'
    grep -q 'title: street' "$scratch/log" || fail 'the prompt is not in the tags'
    ;;
  mp4)
    # x264enc moves time stamps by 1000 hours, and mp4mux loses frames after a gap that was not moved.
    needs x264enc mp4mux videoconvert
    launch -e $src ! vldmdec ! videoconvert ! video/x-raw,format=I420 ! x264enc ! mp4mux ! \
      filesink location="$scratch/street.mp4" || fail "exit status $?"
    launch -v filesrc location="$scratch/street.mp4" ! qtdemux ! fakesink silent=false || fail 'reading the file'
    [ "$(count)" = 8 ] || fail "$(count) frames in the file instead of 8"
    ;;
  decodebin)
    needs videoconvert
    launch -v $src ! decodebin ! videoconvert ! fakesink silent=false || fail "exit status $?"
    [ "$(count)" = 8 ] || fail "$(count) frames instead of 8"
    ;;
  tee)
    launch -v $src ! tee name=t  t. ! queue ! vldmdec ! queue ! fakesink silent=false \
      t. ! queue max-size-buffers=0 max-size-time=0 max-size-bytes=0 ! filesink location="$scratch/latents" || fail "exit status $?"
    [ "$(count)" = 8 ] || fail "$(count) frames instead of 8"
    # 8 frames of 4 x 16 x 32 floats.
    [ "$(wc -c < "$scratch/latents")" = 65536 ] || fail "$(wc -c < "$scratch/latents") bytes of latents instead of 65536"
    ;;
  encode)
    # Pictures of a size that must be padded come back in the same size and look the same; tail=hold gives all their time.
    needs videocrop
    launch $src chunk-frames=3 ! video/x-vldm-latents,width=128,height=64,framerate=15/2 ! vldmdec ! videocrop right=3 bottom=3 ! tee name=t \
      t. ! queue ! filesink location="$scratch/before"  t. ! queue ! vldmenc ! vldminterp steps=1 tail=hold ! vldmdec ! \
      video/x-raw,format=RGB,width=125,height=61,framerate=30/1 ! filesink location="$scratch/after" || fail "exit status $?"
    python3 - "$scratch/before" "$scratch/after" << 'EOF' || fail 'the pictures are not those that went in'
import sys
before, after = (open(name, 'rb').read() for name in sys.argv[1:])
size = 376 * 61     # rows are padded to 4 bytes
assert (len(before), len(after)) == (3 * size, 12 * size), (len(before), len(after))
for n in range(3):
    old, new = before[n * size:(n + 1) * size], after[4 * n * size:(4 * n + 1) * size]
    difference = sum(abs(a - b) for a, b in zip(old, new)) / size
    print(f'picture {n}: mean difference {difference:.1f} of 255')
    assert difference < 10, 'the autoencoder loses about 3; other frames of this video are 15 and more away'
EOF
    ;;
  interrupt)
    # Kernels are built by the other cases or, for the first case that runs, here.
    launch $src ! fakesink || fail "exit status $?"
    gst-launch-1.0 vldmsrc steps=1000 ! vldmdec ! fakesink > "$scratch/log" 2>&1 &
    pid=$!
    tries=0
    until grep -q '^Progress: (denoise) .*: ' "$scratch/log"; do
      sleep 0.1
      tries=$((tries + 1))
      [ $tries -lt 600 ] || { kill -9 $pid; fail 'it does not begin to denoise'; }
    done
    # Again if gst-launch has not heard: LLVM inside PoCL puts its own handler in front of the program's, and once in some
    # fifty runs on a busy machine the signal did not come through.
    tries=0
    until grep -q 'handling interrupt' "$scratch/log"; do
      [ $((tries % 50)) -ne 0 ] || { start=$(date +%s%N); kill -INT $pid; }
      sleep 0.02
      tries=$((tries + 1))
      [ $tries -lt 500 ] || { kill -9 $pid; fail 'gst-launch does not hear SIGINT'; }
    done
    wait $pid
    ms=$((($(date +%s%N) - start) / 1000000))
    echo "ended $ms ms after SIGINT"
    ! grep -q '^Progress: (decode)' "$scratch/log" || fail 'it waited for all of its steps'
    ;;
  log)
    # What the floors below GStreamer do is in GStreamer's log, at the level that is asked for; GLib prints it only when asked.
    GST_DEBUG_NO_COLOR=1 GST_DEBUG='vldm*:5' launch $src num-buffers=1 ! fakesink || fail "exit status $?"
    grep -q ' DEBUG *vldmopencl .*device .*: opened' "$scratch/log" || fail 'no device in the log'
    grep -q ' DEBUG *vldmopencl .*program .*: \(built\|loaded\) in' "$scratch/log" || fail 'no program in the log'
    ! grep -q 'a batch of' "$scratch/log" || fail 'batches at the level of DEBUG'
    GST_DEBUG_NO_COLOR=1 GST_DEBUG='vldmopencl:6' launch $src num-buffers=1 ! fakesink || fail "exit status $?"
    grep -q ' LOG *vldmopencl .*: a batch of' "$scratch/log" || fail 'no batch in the log'
    launch $src num-buffers=1 ! fakesink || fail "exit status $?"
    ! grep -q 'program\|device' "$scratch/log" || fail 'messages that nobody asked for'
    G_MESSAGES_DEBUG=vldm-opencl launch $src num-buffers=1 ! fakesink || fail "exit status $?"
    grep -q 'vldm-opencl-DEBUG.*device .*: opened' "$scratch/log" || fail 'GLib does not print the log'
    ;;
  refusal)
    launch $src ! video/x-vldm-latents,width=100 ! fakesink && fail 'a width of 100 is accepted'
    grep -q 'width is 100.*96 and 104' "$scratch/log" || fail 'the message does not name the nearest widths'
    launch vldmsrc model-path=/no/such/folder ! fakesink && fail 'a missing model is accepted'
    grep -q '/no/such/folder' "$scratch/log" || fail 'the message does not name the folder'
    launch vldmsrc device=no-such-device ! fakesink && fail 'a missing device is accepted'
    grep -q 'no-such-device' "$scratch/log" || fail 'the message does not name the device'
    launch videotestsrc num-buffers=1 ! video/x-raw,format=RGB,width=16,height=16 ! vldmsr ! fakesink && \
      fail 'a model without an upsampler is accepted'
    grep -q 'models/drive has neither a folder "upsampler"' "$scratch/log" || fail 'the message does not name the folder'
    # A model that has an autoencoder only.
    mkdir "$scratch/model"
    for file in model_index.json vae; do
      ln -s "$(cd "$(dirname "$0")/../../models/drive" && pwd)/$file" "$scratch/model"
    done
    launch videotestsrc num-buffers=2 ! video/x-raw,format=RGB,width=16,height=16 ! vldmenc ! \
      vldminterp model-path="$scratch/model" ! fakesink && fail 'a model without a network is accepted'
    grep -q "$scratch/model has neither a folder \"interpolator\"" "$scratch/log" || fail 'the message does not name the folder'
    launch vldmsrc model-path="$scratch/model" ! fakesink && fail 'a model without a network is accepted'
    grep -q "$scratch/model has no folder \"unet\"" "$scratch/log" || fail 'the message does not name the folder'
    ;;
  numbers)
    # Numbers that are not finite: one error that says whose they are, and no frame.
    python3 -c "
import struct, sys
good, bad = struct.pack('<f', 0.5), sys.argv[1:]
for name in bad:
    open(f'$scratch/{name}', 'wb').write(good * 200 + struct.pack('<f', float(name)) + good * 311)" nan inf
    caps='video/x-vldm-latents,format=F32LE,width=64,height=64,latent-width=8,latent-height=8,latent-channels=4'
    caps="$caps,latent-space=vae,framerate=8/1,pixel-aspect-ratio=1/1"
    for name in nan inf; do
      for element in vldmdec 'vldminterp steps=1' 'queue ! src.context vldmsrc name=src frames=4 steps=1'; do
        # shellcheck disable=SC2086
        launch -v filesrc blocksize=1024 location="$scratch/$name" ! "$caps" ! $element ! fakesink silent=false && \
          fail "$name goes through $element"
        [ "$(grep -c '^ERROR.*the latents that came in are not finite' "$scratch/log")" = 1 ] || fail "the message of $element"
        grep -q 'channel 3, row 1, column 0' "$scratch/log" || fail "the message of $element does not say where"
      done
    done
    # One number of a file.
    copy_model unet
    python3 - "$scratch/model/unet/diffusion_pytorch_model.safetensors" << 'EOF'
import json, struct, sys
with open(sys.argv[1], 'r+b') as file:
    length = struct.unpack('<Q', file.read(8))[0]
    start, end = json.loads(file.read(length))['conv_out.weight']['data_offsets']
    file.seek(8 + length + end - 2)
    file.write(b'\x00\x7e')
EOF
    launch vldmsrc model-path="$scratch/model" steps=1 ! fakesink && fail 'a damaged file is accepted'
    grep -q '^ERROR.*/unet/diffusion_pytorch_model.safetensors: tensor conv_out.weight is damaged: number 2304 of 2304 is NaN' \
      "$scratch/log" || fail 'the message does not name file, tensor and place'
    # GObject would only warn.
    launch vldmsrc guidance-scale=nan ! fakesink && fail 'guidance-scale=nan is accepted'
    grep -q '^ERROR.*guidance-scale is nan; must be 0 to' "$scratch/log" || fail 'the message does not name the range'
    ;;
  sampler)
    # A file that names a sampler which is not computed here: one warning an element, however many windows it makes.
    copy_model scheduler
    sed -i 's/DDIMScheduler/DDPMScheduler/' "$scratch/model/scheduler/scheduler_config.json"
    for wish in auto ddim; do
      launch vldmsrc steps=1 frames=10 scheduler=$wish model-path="$scratch/model" ! video/x-vldm-latents,width=64,height=64 ! \
        vldminterp steps=1 scheduler=$wish ! fakesink || fail "exit status $?"
      grep -c '^WARNING' "$scratch/log" > "$scratch/warnings"
      grep -q 'names DDPMScheduler, which is not computed here; DDIM runs in its place' "$scratch/log"
      named=$?
      [ "$wish $(cat "$scratch/warnings") $named" = "auto 2 0" ] || [ "$wish $(cat "$scratch/warnings") $named" = "ddim 0 1" ] || \
        fail "scheduler=$wish: $(cat "$scratch/warnings") warnings"
    done
    ;;
  parts)
    # Elements that encode or decode need an autoencoder and nothing else: beside a network that nobody knows, in a folder
    # that holds nothing else, or by itself.
    drive=$(cd "$(dirname "$0")/../../models/drive" && pwd)
    mkdir -p "$scratch/beside/unet" "$scratch/only"
    cp "$drive/model_index.json" "$scratch/beside"
    echo '{"_class_name": "UNet3DConditionModel"}' > "$scratch/beside/unet/config.json"
    ln -s "$drive/vae" "$scratch/beside/vae"
    ln -s "$drive/vae" "$scratch/only/vae"
    pictures='videotestsrc num-buffers=2 ! video/x-raw,format=RGB,width=32,height=32'
    for model in drive beside only alone; do
      case $model in drive) path=$drive ;; alone) path=$drive/vae ;; *) path=$scratch/$model ;; esac
      launch $pictures ! vldmenc model-path="$path" ! tee name=t  t. ! queue ! filesink location="$scratch/$model.latents" \
        t. ! queue ! vldmdec ! filesink location="$scratch/$model.rgb" || fail "$model: exit status $?"
      launch $pictures ! vldmenc ! vldmdec model-path="$path" ! filesink location="$scratch/$model.decoded" || fail "$model: exit status $?"
      for kind in latents rgb decoded; do
        cmp "$scratch/$model.$kind" "$scratch/drive.$kind" || fail "$model gives other $kind"
      done
    done
    launch vldmsrc model-path="$scratch/beside" ! fakesink && fail 'a network of another class is accepted'
    # GstBaseSrc adds one of its own, which gst-launch-1.0 shows if it comes before the end.
    [ "$(grep '^ERROR: from' "$scratch/log" | grep -vc 'Internal data stream error')" = 1 ] || fail 'not one error'
    grep -q "\"UNet3DConditionModel\" is not supported; .*ModelScope" "$scratch/log" || fail 'the message does not name the class'
    ;;
  extras)
    # What a folder holds and nothing applies is named in one warning, by the element whose frames are others without it.
    mkdir -p "$scratch/model/motion_adapter"
    for file in "$(dirname "$0")"/../../models/drive/*; do
      ln -s "$(realpath "$file")" "$scratch/model"
    done
    touch "$scratch/model/pytorch_lora_weights.safetensors"
    launch vldmsrc steps=1 num-buffers=1 model-path="$scratch/model" ! video/x-vldm-latents,width=64,height=32 ! vldmdec ! fakesink || \
      fail "exit status $?"
    [ "$(grep -c '^WARNING: from' "$scratch/log")" = 1 ] || fail 'not one warning'
    grep -q '^WARNING: .*vldmsrc0.*motion_adapter (.*; pytorch_lora_weights.safetensors (a LoRA' "$scratch/log" || fail 'what is not applied'
    ;;
  *)
    fail "unknown case $case"
    ;;
esac
