#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Stands in for gst-plugin-scanner, as GST_PLUGIN_SCANNER: $SCANNER with the sanitizer's runtime library, since it loads our
# plugin as well. What other plugins leak while they are looked at is no matter here.

export LD_PRELOAD="$SCANNER_PRELOAD" ASAN_OPTIONS=detect_leaks=0
exec "$SCANNER" "$@"
