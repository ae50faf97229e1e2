#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The same work as bench_networks.c in PyTorch: diffusers' classes, fp32, the same weights, prompt and settings.

    peer.py MODEL_FOLDER [ROUNDS]

prints the same lines, "keyframes 1.234". The peer gets what is fastest for it: both halves of guidance in one batch, as
diffusers does, and the memory layout that a warm-up finds faster. run.sh keeps malloc from giving pages back, which
otherwise costs PyTorch page faults in every layer.
"""
import json
import os
import sys
import time

import torch
from diffusers import AutoencoderKLTemporalDecoder, DDIMScheduler, UNetSpatioTemporalConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from transformers import CLIPTextModel, CLIPTokenizer

PROMPT = "driving on a city street at night, light traffic"


class Peer:
    def __init__(self, folder):
        def load(cls, part):
            return cls.from_pretrained(os.path.join(folder, part), torch_dtype=torch.float32).eval()
        self.tokenizer = CLIPTokenizer.from_pretrained(os.path.join(folder, "tokenizer"))
        self.text_encoder = load(CLIPTextModel, "text_encoder")
        self.unet_model = load(UNetSpatioTemporalConditionModel, "unet")
        self.vae = load(AutoencoderKLTemporalDecoder, "vae")
        self.scheduler = DDIMScheduler.from_pretrained(os.path.join(folder, "scheduler"))
        with open(os.path.join(folder, "videoldm.json")) as f:
            defaults = json.load(f)
        factor = 2 ** (len(self.vae.config.block_out_channels) - 1)
        self.settings = defaults["keyframes"]
        self.shape = (1, self.settings["frames"], 4, defaults["height"] // factor, defaults["width"] // factor)
        self.fps = self.settings["fps"][0] / self.settings["fps"][1]
        self.latents = None
        self.text = self.encode(PROMPT)

    def encode(self, text):
        ids = self.tokenizer(text, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        return self.text_encoder(ids).last_hidden_state

    def call(self, x, timestep, text):
        context = self.unet_model.config.in_channels - 4
        sample = torch.cat([x, torch.zeros(*x.shape[:2], context, *x.shape[3:])], dim=2)
        time_ids = torch.full((len(x), 1), self.fps)
        return self.unet_model(sample, timestep, text, time_ids).sample

    def unet(self):
        return self.call(torch.randn(self.shape), 500, self.text)

    def keyframes(self, steps=None):
        text = torch.cat([self.encode(""), self.encode(PROMPT)])
        self.scheduler.set_timesteps(steps or self.settings["steps"])
        x = torch.randn(self.shape, generator=torch.Generator("cpu").manual_seed(42))
        for timestep in self.scheduler.timesteps:
            negative, positive = self.call(torch.cat([x, x]), timestep, text).chunk(2)
            guided = negative + self.settings["guidance"] * (positive - negative)
            guided = rescale_noise_cfg(guided, positive, guidance_rescale=self.settings["rescale"])
            x = self.scheduler.step(guided, timestep, x).prev_sample
        self.latents = x[0]

    def decode(self):
        rgb = self.vae.decode(self.latents / self.vae.config.scaling_factor, num_frames=len(self.latents)).sample
        return (rgb / 2 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    def set_layout(self, channels_last):
        """Weights decide the layout of activations: a convolution answers in that of its weights."""
        for model in (self.unet_model, self.vae):
            for parameter in model.parameters():
                if parameter.dim() == 4:
                    layout = torch.channels_last if channels_last else torch.contiguous_format
                    parameter.data = parameter.data.contiguous(memory_format=layout)
                elif parameter.dim() == 5:
                    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
                    parameter.data = parameter.data.contiguous(memory_format=layout)


def seconds(function, *args):
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def main():
    torch.set_grad_enabled(False)
    torch.set_num_threads(os.cpu_count())
    peer = Peer(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3

    best = {}
    for channels_last in (False, True):
        peer.set_layout(channels_last)
        for _ in range(2):      # the first is the warm-up
            best[channels_last] = seconds(peer.keyframes, 2) + seconds(peer.decode)
    channels_last = best[True] < best[False]
    peer.set_layout(channels_last)
    print("PyTorch %s, %d threads, %s (%.2f s against %.2f s)" % (
        torch.__version__, torch.get_num_threads(), "channels last" if channels_last else "channels first",
        min(best.values()), max(best.values())), file=sys.stderr)

    for _ in range(rounds):
        for part in ("unet", "keyframes", "decode"):
            print("%s %.4f" % (part, seconds(getattr(peer, part))), flush=True)


if __name__ == "__main__":
    main()
