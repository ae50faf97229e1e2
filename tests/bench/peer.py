#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""One network in PyTorch: diffusers' class, the same weights, inputs and settings as bench_networks.c, whose lines it
prints as well.

    peer.py NETWORK FOLDER fp32|bf16 first|last [--rounds N] [--warm N]

first and last are the channels' place in memory; run.py takes the faster. bf16 is autocast with weights converted once.
A guided pair runs as one batch, as diffusers does. run.py keeps malloc from giving pages back, which otherwise costs
PyTorch page faults in every layer.
"""
import argparse
import json
import os
import sys
import time

import diffusers
import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from transformers import CLIPTextModel, CLIPTokenizer

import networks

PROMPT = "driving on a city street at night, light traffic"


def load(folder):
    """A component, fp32 whatever the file has; requires_grad lets autocast keep converted weights."""
    with open(os.path.join(folder, "config.json")) as f:
        cls = getattr(diffusers, json.load(f)["_class_name"])
    return cls.from_pretrained(folder, torch_dtype=torch.float32).eval()


def set_layout(model, last):
    """Weights decide the layout of activations: a convolution answers in that of its weights."""
    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in model.parameters():
        if last and parameter.dim() in layouts:
            parameter.data = parameter.data.contiguous(memory_format=layouts[parameter.dim()])


class Call:
    """One call of a UNet or decoder."""
    def __init__(self, network, folder):
        self.network = network
        self.model = load(folder)
        if network["kind"] == "decode":
            self.model.encoder = None
        self.output = None

    def run(self, frames=None):
        config = dict(self.model.config)
        config["_class_name"] = type(self.model).__name__
        arguments = networks.inputs(self.network, config, frames=frames)
        if self.network["kind"] == "decode":
            self.output = self.model.decode(**arguments).sample
        else:
            self.output = self.model(**arguments).sample

    def result(self):
        """Of the last call, in the order of bench_networks.c."""
        output = self.output[-1:] if self.output.dim() == 5 or self.network.get("calls", 1) > 1 else self.output
        output = output[0] if output.dim() == 5 else output
        return output.permute(0, 2, 3, 1)


class Sampling:
    """A window or gap of the default model, as its stages sample it."""
    def __init__(self, network, folder):
        self.network = network
        self.model = load(os.path.join(folder, network["part"]))
        scheduler = os.path.join(folder, network["part"] + "_scheduler")
        if not os.path.exists(scheduler):
            scheduler = os.path.join(folder, "scheduler")
        self.scheduler = diffusers.DDIMScheduler.from_pretrained(scheduler)
        self.tokenizer = CLIPTokenizer.from_pretrained(os.path.join(folder, "tokenizer"))
        self.text_encoder = CLIPTextModel.from_pretrained(os.path.join(folder, "text_encoder"),
                                                          torch_dtype=torch.float32).eval()
        with open(os.path.join(folder, "videoldm.json")) as f:
            self.settings = json.load(f)["keyframes" if network["kind"] == "keyframes" else "interpolation"]
        self.latents = None

    def encode(self, text):
        ids = self.tokenizer(text, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        return self.text_encoder(ids).last_hidden_state

    def context(self, frames, height, width):
        """[masked latents 4, mask 1] of every frame: a gap's ends are known."""
        context = torch.zeros(1, frames, 5, height, width)
        if self.network["kind"] == "interpolate":
            ends = networks.pattern(0, 2 * 4 * height * width).view(2, 4, height, width)
            context[0, [0, -1], :4] = ends
            context[0, [0, -1], 4] = 1
        return context

    def run(self, steps=None):
        guidance = self.settings["guidance"]
        prompts = ["", PROMPT] if guidance != 1 else [PROMPT]
        text = torch.cat([self.encode(prompt) for prompt in prompts])
        frames, height, width = self.network["size"]
        context = self.context(frames, height, width)
        time_ids = torch.tensor([self.network["conditions"]] * len(prompts))
        self.scheduler.set_timesteps(steps or self.settings["steps"])
        x = torch.randn(1, frames, 4, height, width, generator=torch.Generator("cpu").manual_seed(42))
        for timestep in self.scheduler.timesteps:
            sample = torch.cat([torch.cat([x, context], dim=2)] * len(prompts))
            guided = self.model(sample, timestep, text, time_ids).sample.float()
            if guidance != 1:
                negative, positive = guided.chunk(2)
                guided = negative + guidance * (positive - negative)
                guided = rescale_noise_cfg(guided, positive, guidance_rescale=self.settings["rescale"])
            x = self.scheduler.step(guided, timestep, x).prev_sample
        self.latents = x[0] if self.network["kind"] == "keyframes" else x[0, 1:-1]

    def result(self):
        return self.latents


def peak_memory():
    """The largest resident size; getrusage would count what the process was before exec, too."""
    with open("/proc/self/status") as f:
        return next(1024 * int(line.split()[1]) for line in f if line.startswith("VmHWM:"))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=networks.NETWORKS)
    parser.add_argument("folder")
    parser.add_argument("precision", choices=["fp32", "bf16"])
    parser.add_argument("layout", choices=["first", "last"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--warm", type=int, default=1, help="frames or steps of the run before timing; 0 = none")
    options = parser.parse_args()
    network = networks.NETWORKS[options.network]

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    start = time.perf_counter()
    peer = (Call if network["kind"] in ("unet", "decode") else Sampling)(network, options.folder)
    set_layout(peer.model, options.layout == "last")
    print("load %.4f" % (time.perf_counter() - start), flush=True)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
        if options.warm:
            peer.run(options.warm)
        for _ in range(options.rounds):
            start = time.perf_counter()
            peer.run()
            print("seconds %.4f" % (time.perf_counter() - start), flush=True)
    values = peer.result().float().flatten()
    print("rms %.6g" % values.double().square().mean().sqrt())
    print("projection %.6g" % (values.double() @ networks.pattern(0, values.numel()).double() / len(values) ** 0.5))
    print("memory %d" % peak_memory())


if __name__ == "__main__":
    sys.exit(main())
