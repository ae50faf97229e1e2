#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# check_faults.sh PROGRAM KIND: the sanitizer of this build reports the fault KIND of faults.c, and nothing else; so the
# other tests' silence says something.

if out=$("$1" "$2" 2>&1); then
  echo "nobody reported the planted fault: $2"
  exit 1
fi
case $2 in
  overflow) report='AddressSanitizer: heap-buffer-overflow .*' ;;
  leak) report='AddressSanitizer: 18 byte(s) leaked in 1 allocation(s).' ;;
  undefined) report='runtime error: signed integer overflow: .*' ;;
  race) report='ThreadSanitizer: data race .*faults.c:[0-9]* in count' ;;
esac
printf '%s\n' "$out"
printf '%s\n' "$out" | grep -q "$report" || { echo "no report of: $report"; exit 1; }
# A race on the guarded number would name its line, too.
guarded=$(grep -n 'guarded++' "$(dirname "$0")/faults.c" | cut -d: -f1)
! printf '%s\n' "$out" | grep -q "faults.c:$guarded" || { echo 'GLib'"'"'s locks are not seen'; exit 1; }
