#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes golden.json and expected.safetensors: what diffusers and transformers compute, for the C tests beside it.

Weights of the small networks are not stored. Both sides draw them: tensor number i of a network's list is
offset + scale * torch.randn (shape, generator seeded with i), and golden.json holds names, shapes, offsets and scales.
Inputs come from seeds in the same way (see SEED_*). Of each output every stride-th number is kept, counted over the
planar tensor; `max` is the largest of all its numbers, to which errors are compared.

    pip install torch diffusers==0.42.1 transformers==5.23.0 && python make_golden.py
"""
import json
import os

import torch
from diffusers import AutoencoderKL, AutoencoderKLTemporalDecoder, UNet2DConditionModel
from diffusers import UNetSpatioTemporalConditionModel
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from diffusers.models.attention import TemporalBasicTransformerBlock
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
DRIVE = os.path.join(HERE, "..", "..", "models", "drive")

# Seeds of inputs; golden.h has the same.
SEED_SAMPLE, SEED_TEXT, SEED_TEMPORAL_TEXT, SEED_NEGATIVE_TEXT, SEED_KNOWN = range(100001, 100006)

KEPT = 6000     # numbers of an output, about
STRIDES = [1, 5, 7, 11, 13, 17, 23, 31, 41, 53, 67, 83, 101, 127, 151]

DOWN, CROSS_DOWN = "DownBlockSpatioTemporal", "CrossAttnDownBlockSpatioTemporal"
UP, CROSS_UP = "UpBlockSpatioTemporal", "CrossAttnUpBlockSpatioTemporal"
DDIM = {"_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
        "prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing",
        "clip_sample": False, "set_alpha_to_one": True, "steps_offset": 0}


def unet(**config):
    return {"_class_name": "UNetSpatioTemporalConditionModel", "_diffusers_version": "0.42.1", **config}


def autoencoder(name, **config):
    return {"_class_name": name, "_diffusers_version": "0.42.1", **config}


def text_encoder(**config):
    return {"architectures": ["CLIPTextModel"], "model_type": "clip_text_model", **config}


NETWORKS = {
    # Stable Diffusion's order of blocks, 4 channels, several layers and head sizes
    "text4": unet(
        in_channels=4, block_out_channels=[32, 64, 96], down_block_types=[CROSS_DOWN, CROSS_DOWN, DOWN],
        up_block_types=[UP, CROSS_UP, CROSS_UP], layers_per_block=2, transformer_layers_per_block=[1, 2, 1],
        num_attention_heads=[2, 8, 4], cross_attention_dim=40, addition_time_embed_dim=16,
        projection_class_embeddings_input_dim=16, num_frames=8),
    # the default model's order: no attention at full resolution, 9 channels
    "text9": unet(
        in_channels=9, block_out_channels=[32, 64, 64], down_block_types=[DOWN, CROSS_DOWN, CROSS_DOWN],
        up_block_types=[CROSS_UP, CROSS_UP, UP], layers_per_block=1, num_attention_heads=[2, 2, 4],
        cross_attention_dim=32, addition_time_embed_dim=32, projection_class_embeddings_input_dim=32, num_frames=8),
    # Stable Video Diffusion's, narrow
    "svd": unet(
        in_channels=8, block_out_channels=[32, 64, 64, 64],
        down_block_types=[CROSS_DOWN, CROSS_DOWN, CROSS_DOWN, DOWN],
        up_block_types=[UP, CROSS_UP, CROSS_UP, CROSS_UP], layers_per_block=2, num_attention_heads=[1, 2, 2, 2],
        cross_attention_dim=48, addition_time_embed_dim=32, projection_class_embeddings_input_dim=96, num_frames=14),
    "temporal_decoder": autoencoder(
        "AutoencoderKLTemporalDecoder", block_out_channels=[32, 32, 64, 64],
        down_block_types=["DownEncoderBlock2D"] * 4, layers_per_block=2, latent_channels=4, scaling_factor=0.18215),
    "autoencoder": autoencoder(
        "AutoencoderKL", block_out_channels=[32, 64, 64], down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3, layers_per_block=2, latent_channels=4, norm_num_groups=16,
        scaling_factor=0.5),
    # the same network as files of old diffusers versions have it
    "autoencoder_old": autoencoder(
        "AutoencoderKL", block_out_channels=[32, 64, 64], down_block_types=["DownEncoderBlock2D"] * 3,
        up_block_types=["UpDecoderBlock2D"] * 3, layers_per_block=2, latent_channels=4, norm_num_groups=16,
        scaling_factor=0.5),
    "clip_quick_gelu": text_encoder(
        hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2, vocab_size=99,
        hidden_act="quick_gelu", max_position_embeddings=77),
    "clip_gelu": text_encoder(
        hidden_size=96, intermediate_size=160, num_hidden_layers=2, num_attention_heads=3, vocab_size=130,
        hidden_act="gelu", max_position_embeddings=77),
}

OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def stored_name(network, name):
    """What the tensor is called in the file that the C test writes."""
    if network == "autoencoder_old":
        for new, old in OLD_NAMES.items():
            name = name.replace("attentions.0." + new, "attentions.0." + old)
    if network == "clip_quick_gelu":
        name = "text_model." + name
    return name


# "dtype" and "shards" say how the weights are stored. (A drawn number may round to another half-precision number on the
# other side, for the draws agree within 1e-6 only; UNets of many weights would feel that.) "temporal_text" gives the
# temporal layers a text of their own.
UNET_CASES = {
    "text4_1": dict(network="text4", frames=1, height=5, width=7, tokens=77, timestep=999, time_ids=[8]),
    "text4_3": dict(network="text4", frames=3, height=8, width=8, tokens=11, timestep=0, time_ids=[30]),
    "text4_8": dict(network="text4", frames=8, height=5, width=7, tokens=77, timestep=31.5, time_ids=[1.875]),
    "text4_25": dict(network="text4", frames=25, height=5, width=7, tokens=5, timestep=500, time_ids=[7.5]),
    "text4_temporal_text": dict(network="text4", frames=3, height=4, width=6, tokens=7, timestep=250, time_ids=[8],
                                temporal_text=True),
    "text9_1": dict(network="text9", frames=1, height=16, width=8, tokens=77, timestep=20, time_ids=[1.875]),
    "text9_8": dict(network="text9", frames=8, height=5, width=7, tokens=77, timestep=799, time_ids=[1.875], shards=3),
    "text9_3": dict(network="text9", frames=3, height=9, width=6, tokens=77, timestep=400, time_ids=[30]),
    "svd_1": dict(network="svd", frames=1, height=5, width=7, tokens=1, timestep=1.63777, time_ids=[6, 127, 0.02]),
    "svd_3": dict(network="svd", frames=3, height=8, width=16, tokens=1, timestep=-1.55365, time_ids=[6, 127, 0.02]),
    "svd_25": dict(network="svd", frames=25, height=5, width=7, tokens=1, timestep=0.5, time_ids=[29, 255, 0.0]),
}

AUTOENCODER_CASES = {
    "temporal_decode_1": dict(network="temporal_decoder", task="decode", frames=1, height=5, width=7),
    "temporal_decode_3": dict(network="temporal_decoder", task="decode", frames=3, height=5, width=7),
    "temporal_decode_8": dict(network="temporal_decoder", task="decode", frames=8, height=2, width=3),
    "temporal_encode_3": dict(network="temporal_decoder", task="encode", frames=3, height=3, width=5, dtype="F16"),
    "decode_1": dict(network="autoencoder", task="decode", frames=1, height=5, width=7),
    "decode_3": dict(network="autoencoder", task="decode", frames=3, height=5, width=7),
    "decode_old": dict(network="autoencoder_old", task="decode", frames=1, height=3, width=2),
    "encode_8": dict(network="autoencoder", task="encode", frames=8, height=3, width=5),
}

TEXT_CASES = {
    "clip_quick_gelu": dict(network="clip_quick_gelu", ids=[97, 5, 17, 3, 88, 0, 42] + [98] * 70),
    "clip_gelu": dict(network="clip_gelu", ids=[128, 1, 2, 3, 127, 129], dtype="BF16"),
}

# Whole runs; key frames of the 9-channel model see zero context and zero mask, unless the first frames are known.
SAMPLING_CASES = {
    "ddim_4": dict(network="text4", scheduler=DDIM, run="ddim"),
    "ddim_9": dict(network="text9", scheduler=DDIM, run="ddim"),
    "euler_4": dict(network="text4", scheduler={**DDIM, "rescale_betas_zero_snr": False}, run="euler"),
    "dpm_4": dict(network="text4", scheduler={**DDIM, "rescale_betas_zero_snr": False}, run="dpm++2m"),
    "dpm_karras_9": dict(network="text9", scheduler={
        "_class_name": "DPMSolverMultistepScheduler", "beta_start": 0.00085, "beta_end": 0.012,
        "beta_schedule": "scaled_linear", "prediction_type": "v_prediction", "use_karras_sigmas": True}, run="dpm++2m"),
}
SAMPLING_CASES["known_9"] = dict(network="text9", scheduler=DDIM, run="ddim", known=2, context_guidance=1.5)
for case in SAMPLING_CASES.values():
    case.update(frames=5, height=6, width=7, tokens=9, time_ids=[7.5], steps=10, guidance=3.0, rescale=0.5, seed=42)

# The default model: its text encoder, one call, a whole default run and the decoded frames.
DRIVE_CASE = dict(prompt="driving on a city street at night, light traffic", negative_prompt="", timestep=639,
                  fps=1.875, frames=8, height=16, width=32, steps=25, guidance=4.0, rescale=0.5, seed=42)
SCHEDULERS = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler, "dpm++2m": DPMSolverMultistepScheduler}


def randn(seed, *shape):
    return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))


def offset_and_scale(name, shape):
    """Keeps activations near 1: norms as they are trained, products by the number of their summands."""
    if name.endswith("mix_factor"):
        return 0.0, 1.0
    if "norm" in name and len(shape) == 1:
        return (1.0, 0.1) if name.endswith("weight") else (0.0, 0.1)
    if len(shape) == 1:
        return 0.0, 0.1
    summands = 1
    for n in shape[1:]:
        summands *= n
    return 0.0, float("%.6g" % (1.0 / summands ** 0.5))


def new_network(config):
    name = config.get("_class_name", "CLIPTextModel")
    if name == "CLIPTextModel":
        return CLIPTextModel(CLIPTextConfig(**config))
    kinds = {c.__name__: c for c in (AutoencoderKL, AutoencoderKLTemporalDecoder, UNet2DConditionModel,
                                     UNetSpatioTemporalConditionModel)}
    return kinds[name].from_config(config)


def round_to(dtype, tensor):
    kinds = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    return tensor.to(kinds[dtype]).float()


def draw_network(network, dtype="F32"):
    """The network with drawn weights, and its list for golden.json."""
    model = new_network(NETWORKS[network])
    state = model.state_dict()
    rows = []
    for i, name in enumerate(sorted(state)):
        shape = list(state[name].shape)
        offset, scale = offset_and_scale(name, shape)
        state[name] = round_to(dtype, offset + scale * randn(i, *shape))
        rows.append([stored_name(network, name), shape, offset, scale])
    model.load_state_dict(state)
    return model.eval(), rows


class Golden:
    def __init__(self):
        self.expected = {}

    def keep(self, case, name, output, stride=None):
        """Stores a thinned copy of the output and notes how in the case."""
        flat = output.detach().float().reshape(-1)
        n = len(flat)
        # a stride that divides no dimension meets all frames, channels, rows and columns
        stride = stride or next(p for p in STRIDES if n / p <= KEPT and (n % p or p == 1))
        assert torch.isfinite(flat).all(), name
        self.expected[name] = flat[::stride].contiguous().clone()
        case.setdefault("outputs", {})[name] = {"n": n, "stride": stride, "max": float("%.6g" % flat.abs().max())}
        print("%-24s max %8.4f std %8.4f, %d of %d numbers" % (
            name, flat.abs().max(), flat.std(), len(self.expected[name]), n))


def give_temporal_text(model, text):
    """Lets the temporal layers see another text than the spatial ones, as a DreamBooth model does."""
    def replace(module, args, kwargs):
        kwargs["encoder_hidden_states"] = text.expand(kwargs["encoder_hidden_states"].shape[0], -1, -1)
        return args, kwargs
    for module in model.modules():
        if isinstance(module, TemporalBasicTransformerBlock):
            module.register_forward_pre_hook(replace, with_kwargs=True)


def run_unet(golden, name, case):
    model, _ = draw_network(case["network"], case.get("dtype", "F32"))
    config = model.config
    sample = randn(SEED_SAMPLE, 1, case["frames"], config.in_channels, case["height"], case["width"])
    text = randn(SEED_TEXT, 1, case["tokens"], config.cross_attention_dim)
    if case.get("temporal_text"):
        give_temporal_text(model, randn(SEED_TEMPORAL_TEXT, *text.shape))
    output = model(sample, torch.tensor(float(case["timestep"])), text, torch.tensor([case["time_ids"]])).sample
    golden.keep(case, name, output)


def run_autoencoder(golden, name, case):
    model, _ = draw_network(case["network"], case.get("dtype", "F32"))
    factor = 2 ** (len(model.config.block_out_channels) - 1)
    frames, height, width = case["frames"], case["height"], case["width"]
    if case["task"] == "encode":
        rgb = randn(SEED_SAMPLE, frames, 3, height * factor, width * factor)
        output = model.encode(rgb).latent_dist.mode() * model.config.scaling_factor
    else:
        # latents of a trained model have the size of 1, as the UNet sees them
        latents = randn(SEED_SAMPLE, frames, model.config.latent_channels, height, width) / model.config.scaling_factor
        more = {"num_frames": frames} if "Temporal" in NETWORKS[case["network"]]["_class_name"] else {}
        output = model.decode(latents, **more).sample
    golden.keep(case, name, output)


def run_text(golden, name, case):
    model, _ = draw_network(case["network"], case.get("dtype", "F32"))
    golden.keep(case, name, model(torch.tensor([case["ids"]])).last_hidden_state)


def denoise(model, scheduler, case, text, negative_text, context):
    """The loop that vldm/sampling/sampler.c runs. `context` is what the network sees beside the latents."""
    scheduler.set_timesteps(case["steps"])
    generator = torch.Generator("cpu").manual_seed(case["seed"])
    shape = (1, case["frames"], 4, case["height"], case["width"])
    x = torch.randn(shape, generator=generator) * scheduler.init_noise_sigma
    time_ids = torch.tensor([case["time_ids"]])
    for timestep in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, timestep)

        def call(text, context):
            return model(torch.cat([scaled, context], dim=2), timestep, text, time_ids).sample
        negative = call(negative_text, context)
        positive = call(text, context)
        guided = negative + case["guidance"] * (positive - negative)
        if "context_guidance" in case:
            blank = call(negative_text, torch.zeros_like(context))
            guided += (case["context_guidance"] - 1.0) * (negative - blank)
        guided = rescale_noise_cfg(guided, positive, guidance_rescale=case["rescale"])
        x = scheduler.step(guided, timestep, x).prev_sample
    return x


def context_channels(case, model):
    """Masked latents and mask, [1, T, 5, h, w]; zero for key frames, nothing for a network without them."""
    context = torch.zeros(1, case["frames"], model.config.in_channels - 4, case["height"], case["width"])
    if "known" in case:
        known = case["known"]
        context[0, :known, :4] = randn(SEED_KNOWN, known, 4, case["height"], case["width"])
        context[0, :known, 4] = 1.0
    return context


def run_sampling(golden, name, case):
    model, _ = draw_network(case["network"])
    scheduler = SCHEDULERS[case["run"]].from_config(case["scheduler"])
    shape = (1, case["tokens"], model.config.cross_attention_dim)
    golden.keep(case, name, denoise(model, scheduler, case, randn(SEED_TEXT, *shape), randn(SEED_NEGATIVE_TEXT, *shape),
                                    context_channels(case, model)))


def run_drive(golden, case):
    def load(cls, part):
        return cls.from_pretrained(os.path.join(DRIVE, part), torch_dtype=torch.float32).eval()
    tokenizer = CLIPTokenizer.from_pretrained(os.path.join(DRIVE, "tokenizer"))
    encoder = load(CLIPTextModel, "text_encoder")
    model = load(UNetSpatioTemporalConditionModel, "unet")
    vae = load(AutoencoderKLTemporalDecoder, "vae")
    scheduler = DDIMScheduler.from_pretrained(os.path.join(DRIVE, "scheduler"))

    def ids_of(text):
        return tokenizer(text, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids

    ids = ids_of(case["prompt"])
    case["ids"] = ids[0].tolist()
    text = encoder(ids).last_hidden_state
    negative_text = encoder(ids_of(case["negative_prompt"])).last_hidden_state
    golden.keep(case, "drive_text", text)

    sample = randn(SEED_SAMPLE, 1, case["frames"], 9, case["height"], case["width"])
    golden.keep(case, "drive_unet", model(sample, case["timestep"], text, torch.tensor([[case["fps"]]])).sample)

    run = {**case, "time_ids": [case["fps"]]}
    latents = denoise(model, scheduler, run, text, negative_text, context_channels(case, model))[0]
    # whole, for the decoder's test starts from them
    golden.keep(case, "drive_latents", latents, stride=1)
    golden.keep(case, "drive_frames", vae.decode(latents / vae.config.scaling_factor, num_frames=case["frames"]).sample)


def main():
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    golden = Golden()
    for name, case in UNET_CASES.items():
        run_unet(golden, name, case)
    for name, case in AUTOENCODER_CASES.items():
        run_autoencoder(golden, name, case)
    for name, case in TEXT_CASES.items():
        run_text(golden, name, case)
    for name, case in SAMPLING_CASES.items():
        run_sampling(golden, name, case)
    run_drive(golden, DRIVE_CASE)

    write(HERE, golden, NETWORKS, {"unet": UNET_CASES, "autoencoder": AUTOENCODER_CASES, "text": TEXT_CASES,
                                   "sampling": SAMPLING_CASES}, {"drive": DRIVE_CASE})


def write(folder, golden, networks, kinds, single_cases):
    lists = {name: {"config": networks[name], "tensors": draw_network(name)[1]} for name in networks}
    write_files(folder, golden, lists, kinds, single_cases)


def write_files(folder, golden, lists, kinds, single_cases):
    """Both files: networks with their lists of weights, cases by kind, and single cases."""
    write_json(os.path.join(folder, "golden.json"), lists, kinds, single_cases)
    path = os.path.join(folder, "expected.safetensors")
    save_file(golden.expected, path)
    os.chmod(path, 0o644)


def write_json(path, networks, kinds, single_cases):
    """One line a tensor and a case."""
    def compact(value):
        return json.dumps(value, separators=(",", ":"))
    with open(path, "w") as f:
        f.write('{\n"networks": {\n')
        f.write(",\n".join('"%s": {"config": %s, "tensors": [\n%s\n]}' % (
            name, compact(network["config"]), ",\n".join(map(compact, network["tensors"])))
            for name, network in networks.items()))
        f.write("\n}")
        for kind, cases in kinds.items():
            f.write(',\n"%s": {\n%s\n}' % (kind, ",\n".join('"%s": %s' % (name, compact(case))
                                                           for name, case in cases.items())))
        for name, case in single_cases.items():
            f.write(',\n"%s": %s' % (name, compact(case)))
        f.write("\n}\n")


if __name__ == "__main__":
    main()
