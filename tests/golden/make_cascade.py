#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes cascade/golden.json and cascade/expected.safetensors: latents of whole videos, predicted window by window and
interpolated twice, of small networks with drawn weights and of the default model, written plainly with diffusers.

What is drawn is drawn as in make_golden.py, whose notes on versions hold here as well.

    python make_cascade.py
"""
import json
import os

import torch
from diffusers import DDIMScheduler, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

import make_golden
from make_golden import CROSS_DOWN, CROSS_UP, DDIM, DOWN, DRIVE, SEED_KNOWN, UP, denoise, draw_network, randn

SMALL_NETWORKS = {
    "keyframes": {**make_golden.NETWORKS["text9"], "cross_attention_dim": 40},
    "interpolator": make_golden.unet(
        in_channels=9, block_out_channels=[32, 64], down_block_types=[DOWN, CROSS_DOWN],
        up_block_types=[CROSS_UP, UP], layers_per_block=1, num_attention_heads=[1, 2], cross_attention_dim=40,
        addition_time_embed_dim=16, projection_class_embeddings_input_dim=16, num_frames=5),
    "text": make_golden.text_encoder(
        hidden_size=40, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, vocab_size=719,
        hidden_act="gelu", max_position_embeddings=77),
}
# Latents are 1/4 as large as pictures; nothing else of it is used, so it has no weights.
SMALL_VAE = make_golden.autoencoder(
    "AutoencoderKLTemporalDecoder", block_out_channels=[32, 32, 64], down_block_types=["DownEncoderBlock2D"] * 3,
    layers_per_block=1, latent_channels=4, scaling_factor=0.18215)
make_golden.NETWORKS.clear()
make_golden.NETWORKS.update(SMALL_NETWORKS)

SMALL = {
    "scheduler": DDIM,
    "interpolator_scheduler": {**DDIM, "_class_name": "EulerDiscreteScheduler", "rescale_betas_zero_snr": False},
    "defaults": {
        "width": 28, "height": 24,
        "keyframes": {"frames": 5, "context": 2, "fps": [15, 8], "steps": 6, "guidance": 3.0, "rescale": 0.5},
        "interpolation": {"frames": 5, "fps": [[15, 2], [30, 1]], "steps": 5, "guidance": 2.0, "rescale": 0.3}},
}

# "frames" of the video before "levels" of interpolation. Three windows, the second and third predicted: 5 + 3 + 3 frames
# of the small model, 8 + 6 + 6 of the default one. Fewer frames than a window has are one shorter window. With "given"
# the first frame is known.
SMALL_CASES = {
    "small": dict(frames=11),
    "small_given": dict(frames=11, given=True),
    "small_guided": dict(frames=11, given=True, context_guidance=1.5),
    "small_interpolated": dict(frames=3, levels=2),
}
# The default model with its default settings takes minutes; pictures of half the size and a few steps take seconds.
DRIVE_CASES = {
    "drive": dict(frames=20),
    "drive_guided": dict(frames=20, given=True, context_guidance=1.5),
    "drive_interpolated": dict(frames=3, levels=2),
}
FAST_CASES = {name + "_fast": dict(case, steps=4, width=128, height=64) for name, case in DRIVE_CASES.items()}
PROMPT, NEGATIVE_PROMPT, SEED = "driving on a city street at night, light traffic", "fog", 4000000000


def window_seed(seed, window, stage):
    return (seed + 2654435769 * (window + 2 ** 20 * stage)) % 2 ** 32


class Model:
    """Networks, schedulers and default settings."""

    def __init__(self, name):
        self.name = name
        encoder = self.load_small() if name == "small" else self.load_drive()
        tokenizer = CLIPTokenizer.from_pretrained(os.path.join(DRIVE, "tokenizer"))
        self.texts = []
        for text in (PROMPT, NEGATIVE_PROMPT):
            ids = tokenizer(text, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
            self.texts.append(encoder(ids).last_hidden_state)

    def load_small(self):
        self.unet, self.interpolator = draw_network("keyframes")[0], draw_network("interpolator")[0]
        self.scheduler = DDIMScheduler.from_config(SMALL["scheduler"])
        self.interpolator_scheduler = EulerDiscreteScheduler.from_config(SMALL["interpolator_scheduler"])
        self.defaults, self.factor = SMALL["defaults"], 4
        return draw_network("text")[0]

    def load_drive(self):
        self.unet, self.interpolator = (UNetSpatioTemporalConditionModel.from_pretrained(
            os.path.join(DRIVE, part), torch_dtype=torch.float32).eval() for part in ("unet", "interpolator"))
        self.scheduler = self.interpolator_scheduler = DDIMScheduler.from_pretrained(os.path.join(DRIVE, "scheduler"))
        with open(os.path.join(DRIVE, "videoldm.json")) as f:
            self.defaults = json.load(f)
        self.factor = 8
        return CLIPTextModel.from_pretrained(os.path.join(DRIVE, "text_encoder"), torch_dtype=torch.float32).eval()


def make_window(model, unet, scheduler, case, settings, frames, known, fps, seed):
    """Latents [frames, 4, h, w] around those in `known`, which is {frame: latents}."""
    height, width = case["height"] // model.factor, case["width"] // model.factor
    context = torch.zeros(1, frames, 5, height, width)
    for frame, latents in known.items():
        context[0, frame, :4] = latents
        context[0, frame, 4] = 1.0
    run = dict(steps=case.get("steps", settings["steps"]), guidance=settings["guidance"], rescale=settings["rescale"],
               seed=seed, frames=frames, height=height, width=width, time_ids=[fps])
    if unet is model.unet and case["context_guidance"] != 1.0:
        run["context_guidance"] = case["context_guidance"]
    video = denoise(unet, scheduler, run, *model.texts, context)[0]
    for frame, latents in known.items():
        video[frame] = latents
    return video


def predict(model, case):
    """Windows one after the other, each beginning with the last frames of the one before; and their rate."""
    settings = model.defaults["keyframes"]
    size, overlap = min(settings["frames"], case["frames"]), settings["context"]
    fps = settings["fps"][0] / settings["fps"][1]
    video = []
    if case["given"]:
        video = [randn(SEED_KNOWN, 4, case["height"] // model.factor, case["width"] // model.factor)]
    window = 0
    while len(video) < case["frames"]:
        known = dict(enumerate(video[-overlap:]))
        frames = make_window(model, model.unet, model.scheduler, case, settings, size, known, fps,
                             window_seed(SEED, window, 0))
        video.extend(frames[len(known):])
        window += 1
    return torch.stack(video[:case["frames"]]), fps


def interpolate(model, case, keys, fps, level):
    """T -> 4 (T - 1) + 1 frames."""
    settings = model.defaults["interpolation"]
    last = settings["frames"] - 1
    video = [keys[:1]]
    for gap in range(len(keys) - 1):
        known = {0: keys[gap], last: keys[gap + 1]}
        frames = make_window(model, model.interpolator, model.interpolator_scheduler, case, settings, last + 1, known,
                             fps, window_seed(SEED, gap, level))
        video.append(frames[1:])
    return torch.cat(video)


def run(golden, model, name, case):
    case.update(dict(given=False, context_guidance=1.0, levels=0, width=model.defaults["width"],
                     height=model.defaults["height"]) | case)
    case.update(model=model.name, factor=model.factor, prompt=PROMPT, negative_prompt=NEGATIVE_PROMPT, seed=SEED)
    video, fps = predict(model, case)
    for level in range(1, case["levels"] + 1):
        fps *= model.defaults["interpolation"]["frames"] - 1
        video = interpolate(model, case, video, fps, level)
    golden.keep(case, name, video)


def main():
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    golden = make_golden.Golden()
    small, drive = Model("small"), Model("drive")
    for name, case in SMALL_CASES.items():
        run(golden, small, name, case)
    for name, case in (FAST_CASES | DRIVE_CASES).items():
        run(golden, drive, name, case)
    lists = {name: {"config": config, "tensors": draw_network(name)[1]} for name, config in SMALL_NETWORKS.items()}
    lists["vae"] = {"config": SMALL_VAE, "tensors": []}
    make_golden.write_files(os.path.join(make_golden.HERE, "cascade"), golden, lists,
                            {"quick": SMALL_CASES | FAST_CASES, "default": DRIVE_CASES}, {"small": SMALL})


if __name__ == "__main__":
    main()
