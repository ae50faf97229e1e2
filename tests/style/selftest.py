#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every rule of check_style.py finds its breach, and lets the right form beside it pass."""
import sys

import check_style as style

HEAD = '/* SPDX-License-Identifier: LGPL-2.1-or-later\n *\n * What this file is for.\n */\n'

# Rule, path, text that passes, text that does not.
CASES = [
    (style.includes, 'opencl/ops/x.c', '#include <CL/cl.h>\n#include "opencl/ops/x.h"\n', '#include "vldm/frames.h"\n'),
    (style.includes, 'opencl/ops/x.c', '/* #include "gst/meta.h" */\n', '#include <gst/gst.h>\n'),
    (style.includes, 'opencl/ops/x.c', '#include "opencl/kernels/shared.clh"\n', '#include "opencl/kernels/epilogue.clh"\n'),
    (style.includes, 'opencl/ops/x.c', '#include "opencl/runtime/queue.h"\n', '#include "epilogue.clh"\n'),
    (style.includes, 'opencl/kernels/x.cl', '#include "shared.clh"\n', '#include "opencl/ops/tensor.h"\n'),
    (style.includes, 'opencl/kernels/x.clh', '#include "vector.clh"\n', '#include <math.h>\n'),
    (style.includes, 'vldm/model/x.c', '#include "opencl/ops/ops.h"\n', '#include "gst/latents.h"\n'),
    (style.includes, 'vldm/model/x.c', '#include <json-glib/json-glib.h>\n', '#include <gst/gst.h>\n'),
    (style.includes, 'vldm/model/x.c', '#include "vldm/error.h"\n', '#include "elements/vldmsrc.h"\n'),
    (style.includes, 'gst/models.c', '#include "vldm/model/folder.h"\n', '#include "vldm/model/unet.h"\n'),
    (style.includes, 'gst/context.c', '#include "opencl/runtime/device.h"\n', '#include "opencl/runtime/queue.h"\n'),
    (style.includes, 'gst/context.c', '#include <gst/gst.h>\n', '#include "elements/vldmdec.h"\n'),
    (style.includes, 'elements/x.c', '#include "vldm/stages/decode.h"\n', '#include "opencl/runtime/device.h"\n'),
    (style.includes, 'elements/x.c', '#include "gst/latents.h"\n', '#include "vldm/model/unet.h"\n'),
    (style.circles, 'opencl/ops/layer.h', '#include "opencl/ops/tensor.h"\n', '#include "opencl/ops/weights.h"\n'),
    (style.circles, 'opencl/ops/tensor.c', '#include "opencl/ops/tensor.h"\n', '\n#include "opencl/ops/layer.h"\n'),
    (style.circles, 'opencl/ops/layer_private.h', '#include "opencl/ops/layer.h"\n', '#include "opencl/ops/weights.h"\n'),
    (style.words, 'opencl/ops/x.c', 'const char *name = "vldm_x";\n', 'VldmFrames frames;\n'),
    (style.words, 'opencl/ops/x.c', '/* as gst_buffer_map () does */\n', 'gst_buffer_map (buffer);\n'),
    (style.words, 'vldm/stages/x.c', 'ocl_conv (queue);\n', '  clEnqueueNDRangeKernel (queue);\n'),
    (style.words, 'vldm/stages/x.c', 'guint n;\n', 'GstBuffer *buffer;\n'),
    (style.words, 'gst/context.c', 'ocl_device_open (NULL);\nOclBuffer *b;\n', 'ocl_queue_finish (queue, NULL);\n'),
    (style.words, 'gst/memory.c', 'OclDevice *device;\n', 'cl_mem mem;\n'),
    (style.words, 'elements/x.c', 'vldm_decode_run (decode);\n', 'ocl_device_unref (device);\n'),
    (style.words, 'elements/x.c', 'VldmDecode *decode;\n', 'VldmUnet *unet;\n'),
    (style.environment, 'opencl/ops/x.c', 'ocl_environment (OCL_ENVIRONMENT_CONV);\n', 'g_getenv ("VLDM_CONV");\n'),
    (style.prefixes, 'opencl/ops/x.c', 'static void\nhelp (void)\n{\n}\n', 'void\nhelp (void)\n{\n}\n'),
    (style.prefixes, 'gst/x.c', 'void\ngst_vldm_x (int a,\n    int b)\n{\n}\n', 'void\nvldm_x (int a,\n    int b)\n{\n}\n'),
    (style.header_comment, 'vldm/x.c', HEAD, '/* What this file is for. */\n'),
    (style.header_comment, 'vldm/x.c', HEAD, '/* SPDX-License-Identifier: LGPL-2.1-or-later */\n#include <glib.h>\n'),
    (style.header_comment, 'tools/x', 'no script\n', '#!/bin/sh\nset -e\n'),
    (style.characters, 'docs/x.md', 'a b\n', 'a\tb\n'),
    (style.characters, 'docs/x.md', 'a\n', 'a \n'),
    (style.characters, 'docs/x.md', 'a\u00d7b\n', 'a\u200bb\n'),
    (style.characters, 'docs/x.md', 'a\n', 'a'),
    (style.sizes, 'vldm/x.c', '\n' * 800, '\n' * 801),
    (style.sizes, 'vldm/x.c', 'void\nf (void)\n{\n' + '\n' * 118 + '}\n', 'void\nf (void)\n{\n' + '\n' * 119 + '}\n'),
    (style.parameters, 'gst/x.c', 'void\nf (int a, int (*b) (int, int), int c, int d, int e, int f, int g)\n{\n}\n',
     'void\nf (int a, int b, int c, int d,\n    int e, int f, int g, int h)\n{\n}\n'),
    (style.subjects, 'commits', 'abc ' + 72 * 'x' + '\n', 'abc ' + 73 * 'x' + '\n'),
    (style.kernel_comments, 'opencl/kernels/x.cl', '/* y = x */\n__kernel void\n', 'int a;\n__kernel void\n'),
    (style.kernel_comments, 'opencl/kernels/x.cl', '// y = x\n#ifdef A\n\nkernel void\n', '/* y = x */\nint a;\n\nkernel void\n'),
    (style.double_literals, 'opencl/kernels/x.cl', 'a = 1.0f + 2 * b.s0 + .5f; // 1.0\n', 'a = 1.0 * b;\n'),
    (style.double_literals, 'opencl/kernels/x.cl', '#define EPS 1e-5f\n', '#define EPS 1e-5\n'),
    (style.places, 'docs/x.md', '[licence](../LICENSE)\n', '[gone](gone.md)\n'),
    (style.places, 'docs/x.md', 'see models/drive/README.md\n', 'see design.md\n'),
    (style.places, 'vldm/x.c', '/* see opencl/ops/ops.h */\n', '/* see opencl/ops/gone.h */\n'),
    (style.places, 'vldm/x.c', '/* models/drive */\n', '/* /wo' + 'rk/models */\n'),
    (style.names, 'docs/x.md', '`ocl_conv ()` and `VldmFrames`\n', '`ocl_gone ()`\n'),
]


def main(root):
    style.ROOT = root
    wrong = [f'{rule.__name__} {what}: {text!r}' for rule, path, good, bad in CASES
             for what, text, expected in (('refuses', good, False), ('lets pass', bad, True))
             if bool(list(rule(path, text))) != expected]
    untested = [rule.__name__ for rule in style.RULES if rule not in [case[0] for case in CASES]]
    print('\n'.join(wrong + [f'{name} has no case' for name in untested]) or f'{len(CASES)} cases')
    return bool(wrong or untested)


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
