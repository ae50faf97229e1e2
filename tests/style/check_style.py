#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Style that a compiler does not check: which floor may know which, and how files look.

Usage: check_style.py SOURCE_ROOT            every rule on every file; prints path:line: message
       check_style.py --indent SOURCE_ROOT   gst-indent on every .c file; exit status 77 (skipped) where it is missing
       check_style.py --headers SOURCE_ROOT BUILD_ROOT   compiles each header alone, as its floor is compiled

The rules are functions (path, text) -> [(line, message)]; selftest.py shows one breach of each.
"""
import functools
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

LONG_FILE, MAX_FILE = 600, 800          # lines; the first is remarked on, the second refused
LONG_FUNCTION, MAX_FUNCTION = 80, 120
MAX_PARAMETERS = 7
MAX_SUBJECT = 72
RULES_BEGIN = '186ea48'                 # subjects of the commits before are as they are

# Functions with more parameters, by the reason why they may have them.
MANY_PARAMETERS = {
    'to be split': """
        vldm/model/autoencoder_load.c:load_block
        vldm/model/resnets.c:begin_path
        vldm/model/resnets.c:run_spatial
        vldm/model/resnets.c:vldm_resnet_run
        vldm/model/strip_layers.c:fill_rows
        vldm/model/strips.c:vldm_scratch_alloc
        vldm/model/transformers_load.c:load_cross_attention
        vldm/model/unet.c:run_clips
        vldm/model/unet.c:vldm_unet_run
        vldm/model/unet.c:vldm_unet_run_prompts
        vldm/model/weights.c:vldm_weights_linear
        vldm/model/weights.c:vldm_weights_conv
        vldm/sampling/field.c:combine_piece
        vldm/sampling/sampler.c:call_network
        vldm/sampling/sampler.c:denoise
        vldm/sampling/sampler.c:vldm_sampler_run
        vldm/stages/denoiser.c:call_unet
        vldm/stages/tiling.c:vldm_tiled_unet_init
        vldm/stages/tiling.c:write_seen
        vldm/stages/tiling.c:add_result
        vldm/stages/tiling.c:call_on_tile
        vldm/stages/tiling.c:vldm_tiled_unet_call
        vldm/stages/upsample.c:vldm_upsample_run
        vldm/stages/upsample_settings.c:vldm_upsample_shape
        tests/golden/check_sampling.c:call_unet
        tests/golden/check_unet.c:check_prompts
        tests/sampling/check_guidance.c:call_on_device
        tests/sampling/check_guidance.c:call_on_host""",
    'stands for a function of vldm/ that has them': """
        tests/elements/fake_upsample.c:vldm_upsample_shape
        tests/elements/fake_upsample.c:vldm_upsample_run""",
    'has the type GstLogFunction': 'tests/elements/check_gliblog.c:record',
    'a formula in plain C, over every size that it is about': """
        tests/kernels/check.c:make_tensor
        tests/kernels/check.c:check_input_typed
        tests/kernels/check_attention.c:reference_row
        tests/kernels/check_norm.c:reference""",
}

# Pairs of files that include each other's headers all the same, and why.
CIRCLES = {
    ('vldm/model/folder', 'vldm/model/folder_advice'): 'to be taken apart',
}

SOURCES = ('.c', '.h', '.cl', '.clh', '.py', '.sh')
TEXTS = SOURCES + ('.md', '.build', '.txt', '.supp', '')

# Per floor: quoted includes that are allowed, system includes that are not, and words that belong elsewhere.
FLOORS = {
    'opencl/kernels': {
        'prefix': 'ocl_',
        'includes': r'[\w-]+\.clh$',
        'no_system': r'',
        'words': r'\b(Gst|Vldm)[A-Z]\w*|\b(gst|vldm)_\w+',
        'says': 'kernels include files of their own folder',
    },
    'opencl': {
        'prefix': 'ocl_',
        'includes': r'opencl/(ops|runtime)/|opencl/kernels/shared\.clh$',
        'no_system': r'gst/|json-glib/|glib-object|gio/',
        'words': r'\b(Gst|Vldm)[A-Z]\w*|\b(gst|vldm)_\w+',
        'says': 'opencl/ knows tensors, not video: no GStreamer, no vldm_',
    },
    'vldm': {
        'prefix': 'vldm_',
        'includes': r'opencl/|vldm/',
        'no_system': r'gst/|CL/|clblast|glib-object',
        'words': r'\bGst[A-Z]\w*|\bgst_\w+|\bcl[A-Z]\w*(?= ?\()',
        'says': 'vldm/ is built from opencl/ops: no GStreamer, no OpenCL calls',
    },
    'gst': {
        'prefix': 'gst_vldm_',
        'includes': r'gst/|opencl/runtime/(device|buffer|error)\.h$|vldm/(error|frames|progress)\.h$|vldm/model/(folder|model)\.h$'
                    r'|vldm/stages/(decode|denoiser)\.h$',
        'no_system': r'CL/|clblast|json-glib/',
        'words': r'\bocl_(?!device_|buffer_)\w+|\bOcl(?!Device\b|Buffer\b|Caps\b)[A-Z]\w*|\bcl_\w+|\bcl[A-Z]\w*(?= ?\()',
        'says': 'of OpenCL, gst/ knows devices and buffers only',
    },
    'elements': {
        'prefix': 'gst_vldm_',
        'includes': r'elements/|gst/|vldm/(frames|error|progress)\.h$|vldm/model/folder\.h$|vldm/stages/',
        'no_system': r'CL/|clblast|json-glib/',
        'words': r'\b(ocl|cl)_\w+|\bOcl[A-Z]\w*|\bOCL_\w+|\bVldm(Tensor|Unet|Safetensors|Autoencoder|Tokenizer)\w*',
        'says': 'elements/ do caps and buffers: no OpenCL, tensors or networks',
    },
}


def floor_of(path):
    folders = [folder for folder in FLOORS if path.startswith(folder + '/')]
    return FLOORS[max(folders, key=len)] if folders and path.endswith(('.c', '.h', '.cl', '.clh')) else None


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def without_comments(text, strings=False):
    """C text with comments (and, if asked, string literals) turned to spaces, lines kept."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        token = match.group()
        keep = token[0] in '"\'' and not strings
        return token if keep else re.sub(r'[^\n]', ' ', token)
    return re.sub(pattern, blank, text, flags=re.S)


def includes(path, text):
    floor = floor_of(path)
    if floor is None:
        return
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)', without_comments(text), re.M):
        kind, name = match.groups()
        allowed = re.match(floor['includes'], name) if kind == '"' else not re.match(floor['no_system'], name)
        if not allowed:
            yield line_of(text, match.start()), f'may not include {name}: {floor["says"]}'


def room_of(path):
    """A file with its header, and with the header that only its own files see: vldm/model/unet for unet_private.h."""
    return re.sub(r'(?<=\w)_?private$', '', os.path.splitext(path)[0])


def included_rooms(text):
    return {room_of(name): line_of(text, match.start()) for match in
            re.finditer(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+\.h)"', without_comments(text), re.M) for name in match.groups()}


@functools.cache
def rooms_beyond(room):
    """Rooms whose headers the files of a room include."""
    found = set()
    for ending in ('.c', '.h', '_private.h', 'private.h'):
        path = pathlib.Path(ROOT, room + ending)
        if path.is_file():
            found.update(included_rooms(path.read_text(encoding='utf-8')))
    return found


def circles(path, text):
    """Of two files one knows the other."""
    room = room_of(path)
    if floor_of(path) is None or room.endswith('/private'):
        return      # what all files of a folder share is not a file of its own
    for other, line in included_rooms(text).items():
        if (other != room and not other.endswith('/private') and room in rooms_beyond(other)
                and tuple(sorted((room, other))) not in CIRCLES):
            yield line, f'a circle: the files of {other} include a header of {room}, too'


def words(path, text):
    floor = floor_of(path)
    if floor is None:
        return
    code = re.sub(r'^[ \t]*#[ \t]*include.*', '', without_comments(text, strings=True), flags=re.M)
    for match in re.finditer(floor['words'], code):
        yield line_of(code, match.start()), f'"{match.group()}" belongs to another floor: {floor["says"]}'


def environment(path, text):
    """What an empty or unknown value means is said once."""
    if path.startswith('opencl/') and path.endswith(SOURCES) and path != 'opencl/runtime/environment.c':
        for match in re.finditer(r'\b(?:g_|secure_)?getenv\b', without_comments(text, strings=True)):
            yield line_of(text, match.start()), 'only opencl/runtime/environment.c reads the environment'


def prefixes(path, text):
    """A function that other files can call is named after its floor."""
    floor = floor_of(path)
    if floor is None or not path.endswith('.c'):
        return
    code = without_comments(text)
    for match in re.finditer(r'^([^\n]*)\n([a-z]\w*) \([^;]*?\)\n\{', code, re.M):
        declaration, name = match.groups()
        if 'static' not in declaration and not name.startswith(floor['prefix']):
            yield line_of(code, match.start(2)), f'{name} () is not static and does not begin with {floor["prefix"]}'


def header_comment(path, text):
    """The SPDX line first, then what the file is, why, and where it comes from."""
    if not path.endswith(SOURCES) and not text.startswith('#!'):
        return
    lines = [line for line in text.split('\n')[:8] if not line.startswith('#!')]
    if not lines or 'SPDX-License-Identifier: LGPL-2.1-or-later' not in lines[0]:
        yield 1, 'no line "SPDX-License-Identifier: LGPL-2.1-or-later" at the top'
    elif not any(len(re.findall(r'[A-Za-z]{2,}', line)) >= 2 and re.match(r' \*|//|#(?!include)|"""', line) for line in lines[1:5]):
        yield 2, 'no comment below the SPDX line that says what the file is'


def characters(path, text):
    for number, line in enumerate(text.split('\n'), 1):
        if '\t' in line:
            yield number, 'tab'
        if line != line.rstrip():
            yield number, 'space at the end of the line'
        if re.search('[\u00a0\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]', line):
            yield number, 'invisible Unicode character'
    if text and not text.endswith('\n'):
        yield text.count('\n') + 1, 'no newline at the end of the file'


def sizes(path, text, max_file=MAX_FILE, max_function=MAX_FUNCTION):
    if not path.endswith(SOURCES):
        return
    n_lines = text.count('\n')
    if n_lines > max_file:
        yield max_file, f'{n_lines} lines: at most {max_file}, a file tells one story'
    if path.endswith('.c'):
        for match in re.finditer(r'^\{\n.*?^\}', text, re.M | re.S):
            length = match.group().count('\n') + 1
            if length > max_function:
                yield line_of(text, match.start()), f'function of {length} lines: at most {max_function}'


def count_parameters(text):
    """Those between the parentheses of a function: commas inside of others do not count."""
    while re.search(r'\([^()]*\)', text):
        text = re.sub(r'\([^()]*\)', '', text)
    return text.count(',') + 1


def many_parameters(path, text):
    """Functions in files: (line, name, number) of those with too many parameters."""
    code = without_comments(text, strings=True)
    for match in re.finditer(r'^([a-z_]\w*) \(([^;{}]*?)\)\n\{', code, re.M):
        n = count_parameters(match.group(2))
        if n > MAX_PARAMETERS:
            yield line_of(code, match.start()), match.group(1), n


def parameters(path, text):
    """A call with so many arguments that nobody can read it wants a struct."""
    if not path.endswith('.c'):
        return
    allowed = ' '.join(MANY_PARAMETERS.values()).split()
    for line, name, n in many_parameters(path, text):
        if f'{path}:{name}' not in allowed:
            yield line, f'{name} () has {n} parameters: at most {MAX_PARAMETERS}, hand over a struct'


def subjects(path, text):
    """Lines of "HASH SUBJECT": a subject that git log --oneline shows whole; the why belongs into the body."""
    if path != 'commits':
        return
    for number, line in enumerate(text.splitlines(), 1):
        commit, _, subject = line.partition(' ')
        if len(subject) > MAX_SUBJECT:
            yield number, f'commit {commit}: a subject of {len(subject)} characters: at most {MAX_SUBJECT}'


def kernel_comments(path, text):
    if not path.endswith('.cl'):
        return
    for match in re.finditer(r'^(?:__)?kernel\b', text, re.M):
        above = re.sub(r'(\s|^[ \t]*#[^\n]*$|__attribute__ \(\(.*\)\))+\Z', '', text[:match.start()], flags=re.M)
        if not above.endswith('*/') and not above.split('\n')[-1].lstrip().startswith('//'):
            yield line_of(text, match.start()), 'kernel without a comment above it'


def double_literals(path, text):
    """Devices without fp64 refuse them; others compute slowly."""
    if not path.endswith(('.cl', '.clh')):
        return
    code = without_comments(text, strings=True)
    for match in re.finditer(r'(?<![\w.])(\d+\.\d*|\.\d+)([eE][+-]?\d+)?(?![\w.])|(?<![\w.])\d+[eE][+-]?\d+(?![\w.])', code):
        yield line_of(code, match.start()), f'double literal {match.group()}: write {match.group()}f'


def places(path, text):
    """Documents and comments point only to what a clone has: in a README's folder or from the root."""
    if path.startswith('tests/style/'):
        return      # the rules and their cases name what must not be
    foreign = re.search(r'(?<![\w.])(/(work|home|root|mnt)/|\.\./shared\b|\bshared/)', text)
    if foreign:
        yield line_of(text, foreign.start()), f'"{foreign.group()}" is no place in a clone'
    patterns = [r'(?<![\w./$-])((?:\.\./)*[\w./-]*[\w-]\.md)\b',
                r'(?<![\w./<"-])((?:opencl|vldm|gst|elements|tests|docs|examples|tools)/[\w./-]+\.(?:c|h|cl|clh|py|sh|png))\b']
    if path.endswith('.md'):
        patterns.append(r'\]\((?!https?:|#|mailto:)([^)#\s]+)')
    missing = {(line_of(text, match.start(1)), match.group(1)) for pattern in patterns for match in re.finditer(pattern, text)
               if not exists(path, match.group(1)) and not re.match(r'gst/(gst|video|base|check|app)', match.group(1))}
    for line, target in sorted(missing):
        yield line, f'there is no {target}'


def names(path, text):
    """Pages speak of functions and types that are there, and docs/ does not fall behind the code."""
    if not path.endswith('.md'):
        return
    for match in re.finditer(r'\b(?:ocl|vldm|gst_vldm)_[a-z]\w+|\b(?:Ocl|Vldm|GstVldm)[A-Z]\w+', text):
        name = match.group()
        if name not in identifiers() and name.rstrip('s') not in identifiers():
            yield line_of(text, match.start()), f'{name} is nowhere in the sources'


@functools.cache
def identifiers():
    """Every word of the C and OpenCL sources."""
    found = set()
    for path in files(ROOT):
        if path.endswith(('.c', '.h', '.cl', '.clh')):
            found.update(re.findall(r'\w+', pathlib.Path(ROOT, path).read_text(encoding='utf-8')))
    return found


def exists(path, target):
    return any(os.path.exists(os.path.join(ROOT, base, target)) for base in ('', os.path.dirname(path)))


RULES = (includes, circles, words, environment, prefixes, header_comment, characters, sizes, parameters, kernel_comments, double_literals,
         places, names, subjects)
ROOT = '.'


def check_text(path, text):
    return [(line, message) for rule in RULES for line, message in rule(path, text)]


def files(root):
    """Paths below root of what is ours to style: not build folders, not model files, not recorded data."""
    for folder, folders, names in os.walk(root):
        relative = os.path.relpath(folder, root)
        folders[:] = sorted(name for name in folders if name == '.ci' or not
                            (name[0] == '.' or name.startswith('build') or name in ('__pycache__', 'venv')))
        if relative == 'models':
            folders[:] = [name for name in folders if name == 'training']
        for name in sorted(names):
            path = os.path.normpath(os.path.join(relative, name))
            if os.path.splitext(name)[1] in TEXTS and name[0] != '.' and name != 'LICENSE':
                yield path


def new_commits(root):
    """"HASH SUBJECT" of each commit since these rules began; nothing in a tree without its history."""
    def git(*arguments):
        done = subprocess.run(['git', '-C', root, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return done.stdout if done.returncode == 0 else None

    if not os.path.exists(os.path.join(root, '.git')) or shutil.which('git') is None:
        return ''
    if git('merge-base', '--is-ancestor', RULES_BEGIN, 'HEAD') is None:
        return ''
    return git('log', '--no-merges', '--format=%h %s', f'{RULES_BEGIN}..HEAD') or ''


def unused_exceptions(root):
    for entry in ' '.join(MANY_PARAMETERS.values()).split():
        path, name = entry.split(':')
        file = pathlib.Path(root, path)
        if not file.is_file() or name not in [found for _, found, _ in many_parameters(path, file.read_text(encoding='utf-8'))]:
            yield entry


def check(root):
    n_files = n_errors = 0
    for _, message in check_text('commits', new_commits(root)):
        print(message)
        n_errors += 1
    for entry in unused_exceptions(root):
        print(f'tests/style/check_style.py: (no breach) {entry} needs no exception any more')
    for path in files(root):
        try:
            text = pathlib.Path(root, path).read_text(encoding='utf-8')
        except UnicodeDecodeError:
            continue
        n_files += 1
        for line, message in check_text(path, text):
            print(f'{path}:{line}: {message}')
            n_errors += 1
        for line, message in sizes(path, text, LONG_FILE, LONG_FUNCTION):
            print(f'{path}:{line}: (no breach yet) {message}')
    print(f'{n_files} files, {n_errors} breaches of style')
    return n_errors > 0 or n_files == 0


def check_indent(root):
    tool = shutil.which('gst-indent-1.0')
    if tool is None:
        print('gst-indent-1.0 is not installed (tests/run.sh installs it from PyPI)')
        return 77
    n_errors = 0
    with tempfile.TemporaryDirectory() as scratch:
        for path in (path for path in files(root) if path.endswith('.c')):
            copy = os.path.join(scratch, os.path.basename(path))
            shutil.copy(os.path.join(root, path), copy)
            subprocess.run([tool, copy], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            diff = subprocess.run(['diff', '-u', '--label', path, '--label', 'indented', os.path.join(root, path), copy])
            n_errors += diff.returncode != 0
    print(f'{n_errors} files to run gst-indent-1.0 on')
    return n_errors > 0


def check_headers(root, build):
    """Each header must bring what it needs: compiled on its own with the flags of a neighbour in its folder or floor."""
    commands = {}
    for entry in json.loads(pathlib.Path(build, 'compile_commands.json').read_text()):
        path = os.path.relpath(os.path.join(entry['directory'], entry['file']), root)
        folder = os.path.dirname(path)
        while folder:
            commands.setdefault(folder, entry)
            folder = os.path.dirname(folder)
    n_headers = n_errors = 0
    for path in (path for path in files(root) if path.endswith('.h')):
        folder = os.path.dirname(path)
        while folder and folder not in commands:
            folder = os.path.dirname(folder)
        if not folder:
            print(f'{path}: no C file is compiled in its folder')
            n_errors += 1
            continue
        entry = commands[folder]
        arguments = shlex.split(entry['command'])
        for flag in ('-o', '-MF', '-MQ', '-c'):
            if flag in arguments:
                del arguments[arguments.index(flag):arguments.index(flag) + 2]
        arguments = [argument for argument in arguments if argument != '-MD']
        source = f'#include "{path}"\nint header_compiles;\n'
        compiler = subprocess.run(arguments + ['-I', root, '-Werror', '-fsyntax-only', '-x', 'c', '-'], input=source, text=True,
                                  cwd=entry['directory'])
        n_headers += 1
        n_errors += compiler.returncode != 0
    print(f'{n_headers} headers, {n_errors} do not compile alone')
    return n_errors > 0


def main(arguments):
    global ROOT
    if arguments[:1] == ['--indent'] and len(arguments) == 2:
        return check_indent(arguments[1])
    if arguments[:1] == ['--headers'] and len(arguments) == 3:
        return check_headers(*map(os.path.abspath, arguments[1:]))
    if len(arguments) == 1:
        ROOT = arguments[0]
        return check(ROOT)
    return __doc__


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
