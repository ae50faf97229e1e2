#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes upsample/golden.json and upsample/expected.safetensors: networks of upsamplers as diffusers runs them, and whole
upsampling runs of the algorithm in vldm/stages/upsample.c, written here once more, plainly, with PyTorch.

Inputs are drawn as in make_golden.py, whose notes on versions hold here as well; pictures come from picture ().

    python make_upsample.py
"""
import os

import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from transformers import CLIPTokenizer

import make_golden
from make_golden import CROSS_DOWN, CROSS_UP, DOWN, DRIVE, SEED_SAMPLE, SEED_TEXT, UP, draw_network, randn


def unet_2d(**config):
    return {"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.42.1", **config}


DOWN_2D, CROSS_DOWN_2D, UP_2D, CROSS_UP_2D = "DownBlock2D", "CrossAttnDownBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"

NETWORKS = {
    # the public x4 upscaler's order, narrow
    "x4": unet_2d(
        in_channels=7, out_channels=4, block_out_channels=[32, 64, 64, 64],
        down_block_types=[DOWN_2D, CROSS_DOWN_2D, CROSS_DOWN_2D, CROSS_DOWN_2D],
        up_block_types=[CROSS_UP_2D, CROSS_UP_2D, CROSS_UP_2D, UP_2D], layers_per_block=2, cross_attention_dim=40,
        attention_head_dim=2, only_cross_attention=[True, True, True, False], use_linear_projection=True,
        num_class_embeds=60, max_noise_level=50),
    # Stable Diffusion 1's form: projections as convolutions, no labels, heads by level, another eps
    "plain": unet_2d(
        in_channels=4, out_channels=4, block_out_channels=[32, 64, 64], down_block_types=[CROSS_DOWN_2D, CROSS_DOWN_2D,
                                                                                          DOWN_2D],
        up_block_types=[UP_2D, CROSS_UP_2D, CROSS_UP_2D], layers_per_block=1, cross_attention_dim=48,
        attention_head_dim=[1, 4, 2], norm_eps=1e-3),
    # an upsampler with layers across frames
    "native7": make_golden.unet(
        in_channels=7, block_out_channels=[32, 64], down_block_types=[DOWN, CROSS_DOWN],
        up_block_types=[CROSS_UP, UP], layers_per_block=1, num_attention_heads=[1, 2], cross_attention_dim=40,
        addition_time_embed_dim=32, projection_class_embeddings_input_dim=32, num_frames=8),
    "autoencoder": make_golden.NETWORKS["autoencoder"],
    "temporal_decoder": make_golden.autoencoder(
        "AutoencoderKLTemporalDecoder", block_out_channels=[32, 32, 64], down_block_types=["DownEncoderBlock2D"] * 3,
        layers_per_block=1, latent_channels=4, scaling_factor=0.18215),
    "text": make_golden.text_encoder(
        hidden_size=40, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, vocab_size=719,
        hidden_act="gelu", max_position_embeddings=77),
}
make_golden.NETWORKS.clear()
make_golden.NETWORKS.update(NETWORKS)

# "time_ids" of networks with class labels is the label.
# Pictures that leave a single pixel at the deepest level have norms over two numbers there, which make any rounding large:
# with inputs of all products rounded to bf16, noise of 1e-4 on them moves the results of x4_1 and x4_token by 0.01 to 0.12.
# Of the two results that x4_token falls to with values rounded to fp16 after every layer, one is 0.003 and one 0.034 off;
# diffusers' network in half precision falls to the latter.
ONE_PIXEL = dict(bf16_bound=0.15)
UNET_CASES = {
    "x4_1": dict(network="x4", frames=1, height=5, width=7, tokens=77, timestep=999, time_ids=[20], **ONE_PIXEL),
    "x4_3": dict(network="x4", frames=3, height=16, width=8, tokens=9, timestep=31.5, time_ids=[0]),
    "x4_token": dict(network="x4", frames=2, height=8, width=8, tokens=1, timestep=400, time_ids=[59], f16_bound=0.05,
                     **ONE_PIXEL),
    "plain_2": dict(network="plain", frames=2, height=9, width=6, tokens=11, timestep=500, time_ids=[]),
    "native7_3": dict(network="native7", frames=3, height=6, width=7, tokens=77, timestep=250, time_ids=[20]),
}

DDIM = {"_class_name": "DDIMScheduler", "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction", "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1}
DDPM = {"_class_name": "DDPMScheduler", "beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "squaredcos_cap_v2"}

# Two windows of 4 and 3 frames that share 2; sizes that no network divides.
UPSAMPLE_CASES = {
    "x4_tiles": dict(unet="x4", folder="unet", width=37, height=21, tile_size=16, tile_overlap=5),
    "native_tiles": dict(unet="native7", folder="upsampler", width=21, height=15, tile_size=13, tile_overlap=4),
    "native_field": dict(unet="native7", folder="upsampler", width=9, height=7, tile_size=0, tile_overlap=0),
    "native_clip": dict(unet="native7", folder="upsampler", width=6, height=5, tile_size=0, tile_overlap=0,
                        vae="temporal_decoder"),
}
for case in UPSAMPLE_CASES.values():
    case.setdefault("vae", "autoencoder")
    case.update(frames=4, overlap=2, total=5, steps=5, guidance=3.0, rescale=0.5, noise_level=20, seeds=[7, 4021],
                prompt="driving on a city street at night, light traffic", negative_prompt="fog", scheduler=DDIM,
                low_res_scheduler=DDPM)


def picture(frame, height, width):
    """RGB bytes that both sides compute alike, [3, height, width]."""
    c, y, x = torch.meshgrid(torch.arange(3), torch.arange(height), torch.arange(width), indexing="ij")
    return (37 * frame + 91 * c + 5 * y + 3 * x + (x * y) % 29 + 60 * ((x // 8 + y // 8) % 2)) % 256


def run_unet(golden, name, case):
    model, _ = draw_network(case["network"])
    sample = randn(SEED_SAMPLE, case["frames"], model.config.in_channels, case["height"], case["width"])
    text = randn(SEED_TEXT, 1, case["tokens"], model.config.cross_attention_dim)
    golden.keep(case, name, call(model, sample, float(case["timestep"]), text, case["time_ids"]))


def call(model, sample, timestep, text, conditions):
    """Any of the networks on frames [T, C, h, w]."""
    timestep = torch.tensor(float(timestep))
    if isinstance(model, UNet2DConditionModel):
        labels = torch.tensor([int(c) for c in conditions] * len(sample)) if conditions else None
        return model(sample, timestep, text.expand(len(sample), -1, -1), class_labels=labels).sample
    return model(sample[None], timestep, text, torch.tensor([conditions]).float()).sample[0]


def starts(length, size, overlap):
    size = min(size, length)
    found = list(range(0, length - size, size - overlap))
    return found + [length - size]


def ramps(length, size, overlap):
    """[tiles, length]: 1 inside a tile, falling linearly where it meets its neighbours, adding up to 1."""
    begin = starts(length, size, overlap)
    size = min(size, length)
    weights = torch.zeros(len(begin), length, dtype=torch.float64)
    for i, start in enumerate(begin):
        for p in range(size):
            weight = 1.0
            if i > 0:
                weight = min(weight, (p + 1) / (begin[i - 1] + size - start + 1))
            if i + 1 < len(begin):
                weight = min(weight, (size - p) / (start + size - begin[i + 1] + 1))
            weights[i, start + p] = weight
    return (weights / weights.sum(0)).float()


def call_tiled(model, sample, timestep, text, conditions, size, overlap):
    if size == 0:
        return call(model, sample, timestep, text, conditions)
    height, width = sample.shape[2:]
    output = torch.zeros(sample.shape[0], 4, height, width)
    for rows, y in zip(ramps(height, size, overlap), starts(height, size, overlap)):
        for columns, x in zip(ramps(width, size, overlap), starts(width, size, overlap)):
            tile = call(model, sample[:, :, y:y + size, x:x + size], timestep, text, conditions)
            weights = rows[y:y + size, None] * columns[None, x:x + size]
            output[:, :, y:y + size, x:x + size] += weights * tile
    return output


def draw_noise(seed, frames, height, width):
    generator = torch.Generator("cpu").manual_seed(seed)
    low_res = torch.randn((frames, 3, height, width), generator=generator)
    return low_res, torch.randn((frames, 4, height, width), generator=generator)


def run_window(case, model, texts, rgb, noise):
    scheduler = DDIMScheduler.from_config(case["scheduler"])
    scheduler.set_timesteps(case["steps"])
    level = torch.tensor([case["noise_level"]])
    low_res = DDPMScheduler.from_config(case["low_res_scheduler"]).add_noise(rgb, noise[0], level)
    x = noise[1] * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        sample = torch.cat([scheduler.scale_model_input(x, timestep), low_res], dim=1)
        positive, negative = (call_tiled(model, sample, timestep, text, [case["noise_level"]], case["tile_size"],
                                         case["tile_overlap"]) for text in texts)
        guided = negative + case["guidance"] * (positive - negative)
        # one window is one item of a batch to the rescale's deviations
        guided = rescale_noise_cfg(guided[None], positive[None], guidance_rescale=case["rescale"])[0]
        x = scheduler.step(guided, timestep, x).prev_sample
    return x


def run_upsample(golden, name, case):
    model, vae = draw_network(case["unet"])[0], draw_network(case["vae"])[0]
    encoder, tokenizer = draw_network("text")[0], CLIPTokenizer.from_pretrained(os.path.join(DRIVE, "tokenizer"))
    texts = []
    for text in (case["prompt"], case["negative_prompt"]):
        ids = tokenizer(text, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
        texts.append(encoder(ids).last_hidden_state)

    unit = 2 ** (len(model.config.block_out_channels) - 1)
    down, right = -case["height"] % unit, -case["width"] % unit
    rgb = torch.stack([picture(f, case["height"], case["width"]) for f in range(case["total"])]) / 255.0 * 2.0 - 1.0
    rgb = torch.nn.functional.pad(rgb, (0, right, 0, down), mode="replicate")
    height, width = rgb.shape[2:]

    shared = case["overlap"]
    step = case["frames"] - shared
    first_noise = draw_noise(case["seeds"][0], case["frames"], height, width)
    second_noise = draw_noise(case["seeds"][1], case["total"] - step, height, width)
    for before, now in zip(first_noise, second_noise):
        now[:shared] = before[-shared:]
    first = run_window(case, model, texts, rgb[:case["frames"]], first_noise)
    second = run_window(case, model, texts, rgb[step:], second_noise)
    blend(first[step:], second[:shared])
    latents = torch.cat([first[:step], second])
    golden.keep(case, name, latents)
    if case["vae"] == "temporal_decoder":
        windows = [vae.decode(z / vae.config.scaling_factor, num_frames=len(z)).sample for z in (first, second)]
        blend(windows[0][step:], windows[1][:shared])
        pictures = torch.cat([windows[0][:step], windows[1]])
    else:
        pictures = vae.decode(latents / vae.config.scaling_factor).sample
    golden.keep(case, name + "_pictures", pictures[:, :, :4 * case["height"], :4 * case["width"]].clamp(-1, 1))


def blend(before, now):
    """Frames that two windows share, in place of the later one's."""
    for i in range(len(now)):
        w = (i + 1) / (len(now) + 1)
        now[i] = (1 - w) * before[i] + w * now[i]


def main():
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    golden = make_golden.Golden()
    for name, case in UNET_CASES.items():
        run_unet(golden, name, case)
    for name, case in UPSAMPLE_CASES.items():
        run_upsample(golden, name, case)
    make_golden.write(os.path.join(make_golden.HERE, "upsample"), golden, NETWORKS,
                      {"unet": UNET_CASES, "upsample": UPSAMPLE_CASES}, {})


if __name__ == "__main__":
    main()
