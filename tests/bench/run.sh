#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The default model against PyTorch on the same cores, in one run: both programs take turns, so that a machine that
# changes its speed meanwhile is unjust to neither. Prints the medians and ours / PyTorch; under 1 means that ours is
# faster.
#
#   tests/bench/run.sh BUILD_FOLDER [PYTHON]
#
# PYTHON has torch, diffusers and transformers; without it, an environment with them is made in BUILD_FOLDER from PyPI
# (a few GB). ROUNDS=5 in the environment says how often each is run. VLDM_DEVICE chooses our device: the comparison is
# fair with a CPU device only, and on a machine that does nothing else: PyTorch's threads wait for each other so closely
# that two busy neighbours make it many times slower. The load is therefore printed with every round.
set -eu

if [ $# -lt 1 ] || [ ! -x "$1/tests/bench/bench_networks" ]; then
  echo "usage: $0 BUILD_FOLDER [PYTHON]; BUILD_FOLDER is where meson built this project with its tests" >&2
  exit 1
fi
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
python=${2:-$build/bench-venv/bin/python}
model=$here/../../models/drive
rounds=${ROUNDS:-5}
results=$(mktemp)
trap 'rm -f "$results"' EXIT

if [ ! -x "$python" ]; then
  python3 -m venv "$build/bench-venv"
  "$build/bench-venv/bin/pip" install -q torch diffusers==0.42.1 transformers==5.23.0
fi

i=1
while [ "$i" -le "$rounds" ]; do
  echo "round $i of $rounds, load average $(cut -d ' ' -f 1-2 /proc/loadavg)" >&2
  "$build/tests/bench/bench_networks" "$model" 1 | sed 's/^/ours /' >> "$results"
  MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=-1 "$python" "$here/peer.py" "$model" 1 | sed 's/^/peer /' >> "$results"
  i=$((i + 1))
done

# lines "ours unet 0.123" -> medians and ratios
sort -k 1,2 -k 3n "$results" | awk '
  { values[$1, $2, ++n[$1, $2]] = $3 }
  function median(who, part,   count) {
    count = n[who, part]
    return (values[who, part, int((count + 1) / 2)] + values[who, part, int(count / 2) + 1]) / 2
  }
  END {
    printf "%-12s %10s %10s %8s\n", "", "ours", "PyTorch", "ratio"
    split("unet keyframes decode", parts, " ")
    for (i = 1; i <= 3; i++) {
      part = parts[i]
      printf "%-12s %9.3fs %9.3fs %8.2f\n", part, median("ours", part), median("peer", part),
        median("ours", part) / median("peer", part)
    }
  }'
