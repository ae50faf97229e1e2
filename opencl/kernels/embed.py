#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Turns kernel files into C strings: embed.py OUTPUT.c INPUT.cl...

Writes the table `ocl_kernel_sources` of opencl/runtime/program.h, sorted by name. An `#include "x.clh"` is replaced by
that file, read from the folder of the file that includes it, once per kernel file. #line keeps the compiler's messages
pointing at the files as they were written.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'[ \t]*#[ \t]*include[ \t]+"([^"]+)"')


def resolve(path, seen):
    """The lines of a kernel file with those of its includes in their places."""
    seen.add(path)
    yield f'#line 1 "{path.name}"'
    for number, line in enumerate(path.read_text(encoding='ascii').splitlines(), 1):
        match = INCLUDE.match(line)
        if match is None:
            yield line
            continue
        included = path.parent / match.group(1)
        if included not in seen:
            yield from resolve(included, seen)
        yield f'#line {number + 1} "{path.name}"'


def literal(line):
    escaped = line.replace('\\', '\\\\').replace('"', '\\"').replace('?', '\\?')
    return f'    "{escaped}\\n"'


def main(output, inputs):
    paths = sorted((pathlib.Path(name) for name in inputs), key=lambda path: path.stem)
    lines = ['/* Written by embed.py. */', '#include "opencl/runtime/program.h"', '',
             'const OclKernelSource ocl_kernel_sources[] = {']
    for path in paths:
        lines.append(f'  {{"{path.stem}",')
        lines.extend(literal(line) for line in resolve(path, set()))
        lines.append('  },')
    lines += ['};', '', 'const guint ocl_n_kernel_sources = G_N_ELEMENTS (ocl_kernel_sources);', '']
    pathlib.Path(output).write_text('\n'.join(lines), encoding='ascii')


if __name__ == '__main__':
    main(sys.argv[1], sys.argv[2:])
