#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""contact_sheet.py VIDEO OUT.png [STEP...]: decodes a video and puts frames of it on one sheet.

Each STEP makes a row of 8 frames from the first on, STEP frames apart. Without STEPs all frames are shown, row by row from
the top left, or 32 of them, evenly spaced. Prints what was decoded. Needs gst-launch-1.0 and Python's standard library.
"""
import math
import re
import struct
import subprocess
import sys
import tempfile
import zlib

MAX_FRAMES = 32
ROW = 8         # frames
GAP = 4         # pixels of white between frames


def decode(video):
    """The frames as RGB bytes, their width and height, and frames per second as (numerator, denominator)."""
    with tempfile.NamedTemporaryFile(suffix='.rgb') as raw:
        # RGBx has no padding at the end of its rows, whatever the width.
        run = subprocess.run(['gst-launch-1.0', '-v', 'filesrc', f'location={video}', '!', 'decodebin', '!', 'videoconvert',
                              '!', 'video/x-raw,format=RGBx', '!', 'filesink', 'name=out', f'location={raw.name}'],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        caps = re.findall(r'GstFileSink:out.GstPad:sink: caps = (.*)', run.stdout)
        if run.returncode != 0 or not caps:
            sys.exit(f'contact_sheet.py: cannot decode {video}:\n{run.stdout}')
        data = raw.read()
    width, height = (int(re.search(rf'\b{name}=\(int\)(\d+)', caps[-1]).group(1)) for name in ('width', 'height'))
    rate = tuple(map(int, re.search(r'framerate=\(fraction\)(\d+)/(\d+)', caps[-1]).groups()))
    size = 4 * width * height
    return [data[i:i + size] for i in range(0, len(data), size)], width, height, rate


def sheet_of(frames, width, height, columns):
    """An RGBx picture of all frames."""
    rows = math.ceil(len(frames) / columns)
    sheet_width, sheet_height = columns * (width + GAP) - GAP, rows * (height + GAP) - GAP
    sheet = bytearray(b'\xff' * (4 * sheet_width * sheet_height))
    for i, frame in enumerate(frames):
        left, top = i % columns * (width + GAP), i // columns * (height + GAP)
        for y in range(height):
            start = 4 * ((top + y) * sheet_width + left)
            sheet[start:start + 4 * width] = frame[4 * y * width:4 * (y + 1) * width]
    return bytes(sheet), sheet_width, sheet_height


def write_png(path, rgbx, width, height):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))

    rows = bytearray()
    for y in range(height):
        row = rgbx[4 * y * width:4 * (y + 1) * width]
        rgb = bytearray(3 * width)
        for i in range(3):
            rgb[i::3] = row[i::4]
        # Filter 1: each byte less its left neighbour's, which packs smaller.
        left = bytes(3) + rgb[:-3]
        rows += b'\x01' + bytes((a - b) & 255 for a, b in zip(rgb, left))
    with open(path, 'wb') as png:
        png.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)) +
                  chunk(b'IDAT', zlib.compress(bytes(rows), 9)) + chunk(b'IEND', b''))


def choose(frames, width, height, steps):
    """The frames to show and how many go in a row."""
    if steps:
        rows = [[frames[min(i * step, len(frames) - 1)] for i in range(ROW)] for step in steps]
        return sum(rows, []), ROW
    shown = [frames[i * len(frames) // min(len(frames), MAX_FRAMES)] for i in range(min(len(frames), MAX_FRAMES))]
    # About four times as wide as it is high.
    return shown, max(1, min(len(shown), round(math.sqrt(4 * len(shown) * height / width))))


def main(video, path, steps):
    frames, width, height, (rate, per) = decode(video)
    shown, columns = choose(frames, width, height, steps)
    write_png(path, *sheet_of(shown, width, height, columns))
    lasts = f' at {rate / per:.4g} frames per second, {len(frames) * per / rate:.2f} s' if rate else ''
    print(f'{width} x {height} pixels, {len(frames)} frames{lasts}')


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], [int(step) for step in sys.argv[3:]])
