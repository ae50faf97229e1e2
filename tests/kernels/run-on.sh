#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run-on.sh KERNELS DRIVER [OPTIONS]: runs the kernel tests (the program KERNELS, with its OPTIONS) on one OpenCL driver:
#   pocl       every case, both forms
#   intel      the same on Intel's CPU runtime: pip install intel-opencl-rt intel-cmplr-lib-rt; found in the active
#              virtual environment or where INTEL_OPENCL_LIB says (the folder of libintelocl.so)
#   oclgrind   small cases in a simulator that reports invalid memory accesses, races and wrong API calls
# Exit status 77, which meson counts as skipped, where the driver is not installed.
kernels=$1
driver=$2
shift 2

skip () {
  echo "run-on.sh: $1"
  exit 77
}

# PoCL's vectoriser takes minutes over some of the tile kernels, which its users never run.
export POCL_WORK_GROUP_METHOD=loops

case $driver in
  pocl)
    clinfo -l | grep -q 'Portable Computing' || skip 'PoCL is not installed (Debian: pocl-opencl-icd)'
    exec "$kernels" --device='Portable Computing' "$@"
    ;;
  intel)
    lib=${INTEL_OPENCL_LIB:-${VIRTUAL_ENV:-/usr}/lib}
    [ -e "$lib/libintelocl.so" ] || skip "there is no $lib/libintelocl.so"
    # The loader reads the one, libintelocl.so's own libraries come from the other.
    export OCL_ICD_FILENAMES="$lib/libintelocl.so" LD_LIBRARY_PATH="$lib"
    exec "$kernels" --device='Intel(R) OpenCL' "$@"
    ;;
  oclgrind)
    command -v oclgrind > /dev/null || skip 'oclgrind is not installed (Debian: oclgrind)'
    log=$(mktemp) || exit 1
    trap 'rm -f "$log"' EXIT
    oclgrind --check-api --data-races --max-errors 100 --log "$log" "$kernels" --small --device=Oclgrind "$@" || exit 1
    # Oclgrind's reports do not change the exit status.
    if [ -s "$log" ]; then
      cat "$log"
      exit 1
    fi
    ;;
  *)
    echo "run-on.sh: the driver is pocl, intel or oclgrind, not \"$driver\"" >&2
    exit 2
    ;;
esac
