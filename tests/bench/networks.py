# SPDX-License-Identifier: LGPL-2.1-or-later
"""The networks that are timed: their configurations (those of the public checkpoints of that name), sizes of the work,
random weights for them, and how many operations a call takes.
"""
import copy
import json
import math
import os

import diffusers
import torch
from safetensors.torch import save_file

SD_LEVELS = {"block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2}
SD_AUTOENCODER = {
    "in_channels": 3, "out_channels": 3, "latent_channels": 4, "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2, "scaling_factor": 0.18215, "down_block_types": ["DownEncoderBlock2D"] * 4,
}

# kind and size as in bench_networks.c; config or, from this source tree, folder
NETWORKS = {
    "keyframes": {
        "title": "default model, key frames of a window: 25 guided steps",
        "kind": "keyframes", "folder": "models/drive", "part": "unet", "steps": 50, "size": (8, 16, 32),
        "conditions": [1.875], "repeat": 1,
    },
    "interpolate": {
        "title": "default model, one gap interpolated: 12 steps",
        "kind": "interpolate", "folder": "models/drive", "part": "interpolator", "steps": 12, "size": (5, 16, 32),
        "conditions": [7.5], "repeat": 3,
    },
    "decode": {
        "title": "default model, decoder, 8 frames of 256 x 128",
        "kind": "decode", "folder": "models/drive/vae", "size": (8, 16, 32), "repeat": 3,
    },
    "upsample": {
        "title": "upsampler of the default model's size, 8 frames of 128 x 64 latents, random weights",
        "kind": "unet", "size": (8, 64, 128), "tokens": 77, "conditions": [20], "repeat": 2,
        "config": {
            "_class_name": "UNetSpatioTemporalConditionModel", "in_channels": 7, "out_channels": 4,
            "block_out_channels": [64, 96, 96], "layers_per_block": 1, "num_attention_heads": [2, 3, 3],
            "cross_attention_dim": 128, "addition_time_embed_dim": 64, "projection_class_embeddings_input_dim": 64,
            "num_frames": 8, "transformer_layers_per_block": 1,
            "down_block_types": ["DownBlockSpatioTemporal"] + ["CrossAttnDownBlockSpatioTemporal"] * 2,
            "up_block_types": ["CrossAttnUpBlockSpatioTemporal"] * 2 + ["UpBlockSpatioTemporal"],
        },
    },
    "sd-unet": {
        "title": "Stable Diffusion 1.5's UNet, a guided pair of 64 x 40 latents",
        "kind": "unet", "size": (1, 40, 64), "tokens": 77, "calls": 2, "repeat": 1,
        "config": {
            "_class_name": "UNet2DConditionModel", "in_channels": 4, "out_channels": 4, "attention_head_dim": 8,
            "cross_attention_dim": 768, **SD_LEVELS,
        },
    },
    "sd-decode": {
        "title": "Stable Diffusion's decoder, a frame of 512 x 320",
        "kind": "decode", "size": (1, 40, 64), "repeat": 1,
        "config": {
            "_class_name": "AutoencoderKL", "up_block_types": ["UpDecoderBlock2D"] * 4, **SD_AUTOENCODER,
        },
    },
    "svd-unet": {
        "title": "Stable Video Diffusion's UNet, 8 frames of 64 x 40 latents",
        "kind": "unet", "size": (8, 40, 64), "tokens": 1, "conditions": [6, 127, 0.02], "repeat": 1,
        "config": {
            "_class_name": "UNetSpatioTemporalConditionModel", "in_channels": 8, "out_channels": 4,
            "num_attention_heads": [5, 10, 20, 20], "cross_attention_dim": 1024, "num_frames": 8, **SD_LEVELS,
        },
    },
    "svd-decode": {
        "title": "Stable Video Diffusion's decoder, 8 frames of 512 x 320",
        "kind": "decode", "size": (8, 40, 64), "repeat": 1,
        "config": {"_class_name": "AutoencoderKLTemporalDecoder", **SD_AUTOENCODER},
    },
    "x4-unet": {
        "title": "Stable Diffusion x4 upscaler's UNet, 128 x 128 latents",
        "kind": "unet", "size": (1, 128, 128), "tokens": 77, "conditions": [20], "repeat": 1,
        "config": {
            "_class_name": "UNet2DConditionModel", "in_channels": 7, "out_channels": 4,
            "block_out_channels": [256, 512, 512, 1024], "layers_per_block": 2, "attention_head_dim": 8,
            "cross_attention_dim": 1024, "use_linear_projection": True, "num_class_embeds": 1000,
            "only_cross_attention": [True, True, True, False],
            "down_block_types": ["DownBlock2D"] + ["CrossAttnDownBlock2D"] * 3,
            "up_block_types": ["CrossAttnUpBlock2D"] * 3 + ["UpBlock2D"],
        },
    },
}


def config_of(network, source):
    """Its config.json, as a dictionary; @source is the project's folder."""
    if "config" in network:
        return copy.deepcopy(network["config"])
    with open(os.path.join(source, network["folder"], network.get("part", ""), "config.json")) as f:
        return json.load(f)


def meta_model(config):
    """diffusers' model of a configuration, without memory for its weights."""
    cls = getattr(diffusers, config["_class_name"])
    with torch.device("meta"):
        return cls.from_config({k: v for k, v in config.items() if not k.startswith("_")}).eval().to("meta")


def make_folder(name, source, models):
    """The folder with config.json and weights; random ones are written to @models once, as fp16 to spare the disk:
    deviations that keep activations near 1, norms near identity."""
    network = NETWORKS[name]
    if "folder" in network:
        return os.path.join(source, network["folder"])
    folder = os.path.join(models, name)
    weights = os.path.join(folder, "diffusion_pytorch_model.safetensors")
    if os.path.exists(weights):
        return folder
    os.makedirs(folder, exist_ok=True)
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    for key, tensor in meta_model(network["config"]).state_dict().items():
        if tensor.dim() > 1:
            deviation = 1 / math.sqrt(tensor[0].numel())
            value = torch.randn(tensor.shape, generator=generator) * deviation
        elif "norm" in key and key.endswith("weight"):
            value = 1 + 0.1 * torch.randn(tensor.shape, generator=generator)
        else:
            value = 0.1 * torch.randn(tensor.shape, generator=generator)
        tensors[key] = value.half()
    save_file(tensors, weights + ".part")
    os.rename(weights + ".part", weights)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(network["config"], f, indent=2)
    return folder


def pattern(first, n):
    """The numbers of pattern () in bench_networks.c."""
    mixed = (torch.arange(first, first + n, dtype=torch.int64) * 2654435761) & 0xFFFFFFFF
    return ((mixed.double() / 4294967296.0 - 0.5) * 2.0 * math.sqrt(3.0)).float()


def inputs(network, config, device=None, frames=None):
    """Keyword arguments of one call of the network: as in bench_networks.c, both calls of a pair in one batch."""
    height, width = network["size"][1:]
    frames = frames or network["size"][0]
    channels = config["latent_channels"] if "latent_channels" in config else config["in_channels"]
    if device == "meta":
        sample = torch.empty(frames, channels, height, width, device=device)
    else:
        sample = pattern(0, frames * height * width * channels).view(frames, height, width, channels)
        sample = sample.permute(0, 3, 1, 2).contiguous()
    if "latent_channels" in config:
        temporal = config["_class_name"] == "AutoencoderKLTemporalDecoder"
        return {"z": sample / config.get("scaling_factor", 0.18215), **({"num_frames": frames} if temporal else {})}
    calls, tokens, width = network.get("calls", 1), network.get("tokens", 77), config["cross_attention_dim"]
    if device == "meta":
        text = torch.empty(calls, tokens, width, device=device)
    else:
        text = torch.stack([pattern(i, tokens * width).view(tokens, width) for i in range(calls)])
    conditions = network.get("conditions", [])
    if config["_class_name"] == "UNetSpatioTemporalConditionModel":
        extra = {"added_time_ids": torch.tensor([conditions] * calls, device=device)}
        sample = sample[None]
    else:
        extra = {"class_labels": torch.tensor(conditions, device=device).long()} if conditions else {}
    sample = torch.cat([sample] * calls)
    return {"sample": sample, "timestep": 500, "encoder_hidden_states": text, **extra}


def winograd_saving(module):
    """How many times fewer products a convolution takes by Winograd's F(4 x 4, 3 x 3) or F(4, 3)."""
    if getattr(module, "stride", None) == (1, 1) and module.kernel_size == (3, 3):
        return 4
    return 2 if getattr(module, "kernel_size", None) == (3, 1, 1) else 1


def operations(name, source):
    """Floating-point operations (2 a multiply-add) of the work, counted directly: convolutions as sums over all taps,
    and without what does not depend on latents or time and so need not be done in a call: keys and values of the text,
    and cross-attention to a single token, whose softmax is 1. Second, the same with as few as Winograd's way can do
    with: no transform counts, and no product of a tile that hangs over an edge."""
    network = NETWORKS[name]
    config = config_of(network, source)
    model = meta_model(config)
    one_token = network.get("tokens", 77) == 1
    count = fewest = 0

    def count_layer(module, args, output):
        nonlocal count, fewest
        weight = module.weight
        products = output.numel() * (weight.numel() // weight.shape[0])
        count += 2 * products
        fewest += 2 * products / winograd_saving(module)

    def count_attention(module, args, kwargs, output):
        nonlocal count, fewest
        hidden = args[0] if args else kwargs["hidden_states"]
        context = kwargs.get("encoder_hidden_states")
        if hidden.dim() == 4:
            batch, queries = hidden.shape[0], hidden.shape[2] * hidden.shape[3]
        else:
            batch, queries = hidden.shape[:2]
        keys = queries if context is None else context.shape[1]
        if context is None or not one_token:
            count += 4 * batch * queries * keys * module.inner_dim
            fewest += 4 * batch * queries * keys * module.inner_dim

    for path, module in model.named_modules():
        if path.startswith(("encoder.", "quant_conv")):
            continue
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d, torch.nn.Conv3d)):
            text_layer = path.endswith(("to_k", "to_v")) and module.in_features == config.get("cross_attention_dim")
            if not text_layer and not (one_token and ".attn2." in path):
                module.register_forward_hook(count_layer)
        elif type(module).__name__ == "Attention":
            module.register_forward_hook(count_attention, with_kwargs=True)
    with torch.no_grad(), torch.device("meta"):
        arguments = inputs(network, config, "meta")
        model.decode(**arguments) if network["kind"] == "decode" else model(**arguments)
    return count * network.get("steps", 1), fewest * network.get("steps", 1)
