#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Is a video file what it should be? ffprobe decodes it, so that what counts is what a player would show.

Usage: check_file.py FILE FRAMES WIDTHxHEIGHT RATE TICK

RATE is a fraction, TICK how exactly the container knows times, in seconds. Every frame must lie on the grid that begins
with the first one: none is missing, none comes twice, and there is no drift.
"""
import fractions
import json
import subprocess
import sys


def probe(path):
    """The video stream's fields, and the times of its frames."""
    entries = 'stream=codec_name,width,height,avg_frame_rate,r_frame_rate:frame=best_effort_timestamp_time'
    out = subprocess.run(['ffprobe', '-v', 'error', '-select_streams', 'v:0', '-show_entries', entries, '-of', 'json', path],
                         check=True, stdout=subprocess.PIPE).stdout
    answer = json.loads(out)
    return answer['streams'][0], [float(frame['best_effort_timestamp_time']) for frame in answer['frames']]


def check(path, frames, size, rate, tick):
    stream, times = probe(path)
    print(f'{path}: {stream["codec_name"]}, {len(times)} frames of {stream["width"]}x{stream["height"]}, '
          f'{stream["avg_frame_rate"]} a second')
    if len(times) != frames:
        sys.exit(f'FAILED: {len(times)} frames instead of {frames}')
    if f'{stream["width"]}x{stream["height"]}' != size:
        sys.exit(f'FAILED: not {size}')
    for n, time in enumerate(times):
        expected = times[0] + n / rate
        # Both times are rounded to ticks, and printed with six digits.
        if abs(time - expected) > tick + 2e-6:
            sys.exit(f'FAILED: frame {n} at {time} s instead of {float(expected):.6f} s')
    # Ogg leaves the mean to be counted; Matroska counts milliseconds, which makes that of a short file inexact.
    mean = fractions.Fraction(stream['avg_frame_rate' if stream['avg_frame_rate'] != '0/0' else 'r_frame_rate'])
    if abs(mean / rate - 1) > 2 * tick * rate:
        sys.exit(f'FAILED: {mean} frames a second instead of {rate}')


if len(sys.argv) != 6:
    sys.exit(__doc__)
check(sys.argv[1], int(sys.argv[2]), sys.argv[3], fractions.Fraction(sys.argv[4]), float(sys.argv[5]))
