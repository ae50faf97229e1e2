#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes tests/golden/tokens: small tokenizers in every form that folders have, and the ids that transformers gives.

    pip install transformers==5.23.0
    python tests/golden/make_tokens.py

Forms of one synthetic vocabulary (bytes and a few hundred merges, some of several bytes a character):
    files    vocab.json + merges.txt, special_tokens_map.json with pad token "!" (as Stable Diffusion 2)
    decoder  the same, special tokens in tokenizer_config.json's added_tokens_decoder, with tokens added by a user
    json     tokenizer.json with merges as pairs (as transformers 5 saves)
    strings  tokenizer.json with merges as "a b" (as older versions did), with an added token in normalized text
NAME.json holds the cases of tokenizer NAME; "drive" is the default model's. A case with "repeat" stands for its text that
many times; long lists of ids are kept as their number and the FNV-1a hash of their 32-bit little-endian words.
"""
import collections
import json
import pathlib
import shutil

from transformers import CLIPTokenizer

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "tokens"
DRIVE = HERE.parent.parent / "models" / "drive" / "tokenizer"
LENGTH = 77
MERGES = 360
BEGIN, END = "<|startoftext|>", "<|endoftext|>"

CORPUS = """
a city street at night, light traffic in the rain; the driver's hands, don't stop, we're late, they'll wait, I'd've gone
driving on a country road at dusk, fog, heavy traffic, clear sky, overcast, highway in daylight 1984 2026 3.14159
ein schöner Tag über den Straßen, äußerst groß, Größe; une forêt étonnée à l'été, ça déjà vu, naïve café
город ночью, улица и дорога, красная машина; μια πόλη τη νύχτα, δρόμος και φως
夜の街、静かな通り。東京の夜景。城市夜景,安静的街道。 서울의 밤거리 불빛
🚗🚗💨 🌃✨ 🚦 👨\u200d👩\u200d👧 🇫🇷 !!! ... --- ((( ))) #tag @user http://example.org/path?x=1&y=2
"""

TEXTS = [
    "",
    " ",
    "a city street at night, light traffic",
    "driving on a city street at night, fog, heavy traffic",
    "  A\tCity\n\nSTREET \r\n at   Night  ",
    "it's we're they've I'm he'll she'd don't 'tis 's 'S 'LL ''s !'s 'sample 'really",
    "o'clock rock'n'roll '' ''' 're're",
    "0123456789 3.14159 1,000,000 v2.1 x264 ½ ² Ⅷ ٣٤ 〇",
    "!!! ?! ... --- ((())) #$%&*+/:;<=>@[\\]^_`{|}~ a.b,c;d",
    "wow!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
    "café cafe\u0301 naïve nai\u0308ve Å A\u030a \u212b ﬁ ﬀ ﬃ",
    "e\u0323\u0301 e\u0301\u0323 q\u0307\u0323 q\u0323\u0307 \u0301start",
    "Straße STRASSE GRÖSSE ẞ ŒUVRE Æ",
    "İstanbul ISPARTA ısırgan iğne I İ i̇",
    "ΑΣ ΟΔΥΣΣΕΥΣ σς ΐ ΰ",
    "ГОРОД Ночью Ёлка й и\u0306",
    "夜の街 東京 サイバーパンク ﾊﾝｶｸ が か\u3099 城市夜景",
    "서울의 밤거리 \u1109\u1165\u110b\u116e\u11af",
    "שלום עולם مرحبا بالعالم नमस्ते สวัสดี",
    "🚗💨 🌃✨ 👨\u200d👩\u200d👧\u200d👦 🇫🇷 👍🏽 ❤\ufe0f 1\ufe0f⃣",
    "zero\u200bwidth non\u200cjoin joi\u200dner bom\ufeff soft\u00adhyphen word\u2060joiner mongolian\u180evowel",
    "nbsp\u00a0here en\u2002quad\u2001 ideographic\u3000space line\u2028sep para\u2029sep nel\u0085x ogham\u1680x",
    "tab\x0bvt\x0cff bell\x07 esc\x1b unit\x1fsep fs\x1cgs del\x7f c1\x9f",
    "private \ue000 unassigned \u0378 \U000e0fff noncharacter \ufffe replacement \ufffd max \U0010ffff",
    "𝐁𝐨𝐥𝐝 𝕯𝖔𝖚𝖇𝖑𝖊 𐐀𐐨 𞤀𞤢 ⓐⒶ Ⓑ",
    "ǅ ǆ Ǆ ǈ ᾈ ᾳ K Ω",
    "a <|endoftext|> b",
    "<|startoftext|>",
    "x<|startoftext|>y<|endoftext|>z",
    "<|endoftext|><|endoftext|> <|startoftext|>!",
    "A<|ENDOFTEXT|>b <|StartOfText|>!? !!<|endoftext|",
    "((<|EndOfText|>)) <|ENDOFTEXT|>'s <|ENDOFTEXT|>!!<|",
    "hello! wow!! !a! <cat-toy> a<cat-toy>b <CAT-TOY> toys toy toy-s toyota 'toy' TOY",
    "a <Dog> b <dog> Cat_X cat_x CAT_X",
    "New York new york NEW YORK new  york newyork",
    "a very long prompt " * 40,
    "supercalifragilisticexpialidocious" * 12,
    "word, " * 75,
    "12345" * 20,
    "日本" * 60,
]

LONG = [("a", 65536), ("ab", 32768), ("night ", 10922), ("straße", 9362), ("夜景", 10922), ("!", 65536),
        ("x" * 31 + " ", 2048), ("e\u0323\u0301", 13107), ("\u0301\u0323\u0327", 10922), ("<|endoftext|>", 5041), ("the city's lights, ", 3449)]


def byte_names():
    printable = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    others = [b for b in range(256) if b not in printable]
    names = {b: chr(b) for b in printable} | {b: chr(256 + n) for n, b in enumerate(others)}
    return [names[b] for b in range(256)]


def words():
    """Words of the corpus as CLIP splits them, in names of bytes, each with its number."""
    stock = CLIPTokenizer()._tokenizer
    found = collections.Counter()
    for line in CORPUS.splitlines():
        pieces = stock.pre_tokenizer.pre_tokenize_str(stock.normalizer.normalize_str(line))
        found.update(tuple(word[:-1]) + (word[-1] + "</w>",) for word, _ in pieces)
    return found


def train():
    """Vocabulary and merges, laid out as CLIP's: bytes, bytes at a word's end, merges, the two special tokens."""
    tokens = byte_names() + [b + "</w>" for b in byte_names()]
    merges, left = [], words()
    while len(merges) < MERGES:
        pairs = collections.Counter()
        for word, n in left.items():
            for pair in zip(word, word[1:]):
                pairs[pair] += n
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        if "".join(best) not in tokens:
            tokens.append("".join(best))
        left = collections.Counter({merge(word, best): n for word, n in left.items()})
    return {t: i for i, t in enumerate(tokens + [BEGIN, END])}, merges


def merge(word, pair):
    result = []
    for symbol in word:
        if result and (result[-1], symbol) == pair:
            result[-1] += symbol
        else:
            result.append(symbol)
    return tuple(result)


def write(folder, name, value):
    (folder / name).write_text(value if isinstance(value, str) else
                               json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def added(content, **flags):
    return {"content": content, "lstrip": False, "rstrip": False, "single_word": False, "normalized": False,
            "special": True} | flags


def make_files(folder, vocab, merges):
    write(folder, "vocab.json", vocab)
    write(folder, "merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    write(folder, "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH})
    write(folder, "special_tokens_map.json", {"bos_token": added(BEGIN, normalized=True),
                                              "eos_token": added(END, normalized=True),
                                              "unk_token": END, "pad_token": "!"})


def make_decoder(folder, vocab, merges):
    write(folder, "vocab.json", vocab)
    write(folder, "merges.txt", "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))
    tokens = {str(vocab[BEGIN]): added(BEGIN, normalized=True), str(vocab[END]): added(END),
              str(len(vocab)): added("<cat-toy>", normalized=True, special=False),
              str(len(vocab) + 1): added("toy", single_word=True, special=False),
              str(len(vocab) + 2): added("New York", normalized=True, special=False),
              str(len(vocab) + 3): added("new", normalized=True, special=False),
              str(len(vocab) + 4): {"content": "<Dog>", "special": True},
              str(len(vocab) + 5): {"content": "Cat_X"}}
    write(folder, "tokenizer_config.json", {"tokenizer_class": "CLIPTokenizer", "model_max_length": LENGTH,
                                            "bos_token": BEGIN, "eos_token": END, "unk_token": END,
                                            "pad_token": END, "added_tokens_decoder": tokens})


def make_strings(folder, json_folder):
    shutil.copytree(json_folder, folder, dirs_exist_ok=True)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    model = tokenizer["model"]
    model["merges"] = [f"{a} {b}" for a, b in model["merges"]]
    tokenizer["added_tokens"].append({"id": len(model["vocab"]), **added("<cat-toy>", normalized=True, special=False)})
    write(folder, "tokenizer.json", tokenizer)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    config.pop("added_tokens_decoder", None)
    write(folder, "tokenizer_config.json", config)


def fnv(ids):
    value = 0xCBF29CE484222325
    for byte in b"".join(i.to_bytes(4, "little") for i in ids):
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def cases(folder):
    tokenizer = CLIPTokenizer.from_pretrained(folder)
    result = []
    for text, repeat in [(t, 1) for t in TEXTS] + LONG:
        whole = text * repeat
        padded = tokenizer(whole, padding="max_length", max_length=LENGTH, truncation=True).input_ids
        ids = tokenizer(whole, verbose=False).input_ids
        result.append({"text": text, "repeat": repeat, "padded": padded, "n": len(ids), "fnv": fnv(ids)})
    return result


def write_cases(name, folder):
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases(folder))
    write(OUT, name + ".json", '{"cases": [\n' + lines + "\n]}\n")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    vocab, merges = train()
    for name in ("files", "decoder", "json", "strings"):
        (OUT / name).mkdir(parents=True)
    make_files(OUT / "files", vocab, merges)
    make_decoder(OUT / "decoder", vocab, merges)
    CLIPTokenizer.from_pretrained(OUT / "files").save_pretrained(OUT / "json")
    make_strings(OUT / "strings", OUT / "json")
    for name in ("files", "decoder", "json", "strings"):
        write_cases(name, OUT / name)
    write_cases("drive", DRIVE)


if __name__ == "__main__":
    main()
