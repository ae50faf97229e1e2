#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes sampling.json, what check_noise.c, check_schedules.c, check_defaults.c and check_guidance.c expect: numbers of
PyTorch's CPU generator, runs of diffusers' schedulers on a network that is one line of arithmetic, so that both sides compute
it alike, timesteps of every kind of schedule, the defaults of classes, and runs with diffusers' rule for guidance.

    pip install torch numpy==2.4.6 scipy transformers diffusers==0.42.1 && python make_sampling.py
"""
import inspect
import itertools
import json
import logging
import os
import types

import diffusers
import numpy
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler, StableDiffusionPipeline
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import rescale_noise_cfg

CLASSES = {"ddim": DDIMScheduler, "euler": EulerDiscreteScheduler, "dpm++2m": DPMSolverMultistepScheduler}

PREDICTIONS = ("epsilon", "v_prediction", "sample")

# Numbers of a sampler's state: fewer than 16, so that noise comes one by one.
STATE = 3


def noise_cases():
    """Sequences of randn calls from one generator: long and short ones, in all the orders that share a spare number."""
    cases = []
    for seed, sizes in [
        (42, [64]),
        (0, [1, 1, 1, 20, 1, 1]),
        (7, [3, 15, 16, 17, 5, 31, 1, 100, 4]),
        (5, [2, 33, 1, 15, 16, 1]),
        (4294967295, [16, 8, 4096, 4099]),
        (2654435811, [8 * 4 * 16 * 32]),
    ]:
        generator = torch.Generator("cpu").manual_seed(seed)
        calls = []
        for n in sizes:
            values = torch.randn(n, generator=generator)
            # the end holds the rewritten block; the middle follows from the same state
            kept = values if n <= 32 else torch.cat([values[:8], values[-20:]])
            calls.append({"n": n, "values": [float(numpy.float32(v)) for v in kept]})
        cases.append({"seed": seed, "calls": calls})
    return cases


def schedule_cases():
    """(class, settings of scheduler_config.json, sampler that runs, steps, eta)."""
    sd = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
    x4 = {"beta_start": 0.0001, "beta_end": 0.02, "beta_schedule": "scaled_linear"}
    drive = {**sd, "prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing",
             "clip_sample": False, "set_alpha_to_one": True, "steps_offset": 0}
    svd = {**sd, "prediction_type": "v_prediction", "use_karras_sigmas": True, "sigma_min": 0.002, "sigma_max": 700.0,
           "timestep_type": "continuous", "timestep_spacing": "leading", "steps_offset": 1}
    spacings = ("leading", "trailing", "linspace")

    cases = []

    def add(name, config, steps, eta=0.0, run=None):
        cases.append((name, config, run or name, steps, eta))

    # the classes' own defaults, and every spacing with every prediction
    for name in CLASSES:
        add(name, {}, 10)
        for spacing in spacings:
            for prediction in PREDICTIONS:
                add(name, {**sd, "timestep_spacing": spacing, "prediction_type": prediction, "clip_sample": False}, 6)
        for schedule in ("linear", "squaredcos_cap_v2"):
            add(name, {"beta_schedule": schedule, "prediction_type": "v_prediction", "clip_sample": False}, 7)
        add(name, {"trained_betas": [0.001 * (i + 1) for i in range(50)], "num_train_timesteps": 50}, 5)
        add(name, {**sd, "num_train_timesteps": 200}, 150 if name == "dpm++2m" else 200)

    # DDIM: noise at every step, the final alpha, clipping, offsets that do not divide
    for eta in (0.5, 1.0):
        for spacing in spacings:
            add("ddim", {**sd, "timestep_spacing": spacing, "clip_sample": False}, 9, eta)
    add("ddim", {**sd, "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False}, 25)
    add("ddim", {**x4, "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False,
                 "prediction_type": "v_prediction"}, 7, 0.3)
    for prediction in PREDICTIONS:
        add("ddim", {**sd, "clip_sample": True, "clip_sample_range": 0.7, "prediction_type": prediction}, 8)
        add("ddim", {**sd, "clip_sample": True, "prediction_type": prediction}, 8, 1.0)
    for steps in (1, 2, 3, 12, 30, 48, 96):
        add("ddim", drive, steps)
    add("ddim", drive, 25, 0.9)  # diffusers itself gives NaN for 1.0: a root of -6e-8

    # Euler: Karras, SVD, the ends of the schedule
    for spacing in spacings:
        add("euler", {**sd, "timestep_spacing": spacing, "use_karras_sigmas": True}, 8)
        add("euler", {**sd, "timestep_spacing": spacing, "rescale_betas_zero_snr": True,
                      "prediction_type": "v_prediction"}, 8)
        add("euler", {**sd, "timestep_spacing": spacing, "final_sigmas_type": "sigma_min"}, 8)
    add("euler", svd, 25)
    add("euler", svd, 1)
    add("euler", {**svd, "use_karras_sigmas": False, "sigma_min": None, "sigma_max": None}, 6)
    add("euler", {**svd, "timestep_type": "discrete"}, 6)
    add("euler", sd, 1)

    # DPM-Solver++: orders at the end, solver types, Karras, zero terminal SNR
    for steps in (1, 2, 14, 15, 20):
        for final in ("zero", "sigma_min"):
            add("dpm++2m", {**sd, "final_sigmas_type": final}, steps)
            add("dpm++2m", {**sd, "final_sigmas_type": final, "solver_type": "heun"}, steps)
    for more in ({"solver_order": 1}, {"lower_order_final": False}, {"euler_at_final": True},
                 {"lower_order_final": False, "euler_at_final": True}):
        add("dpm++2m", {**sd, "final_sigmas_type": "sigma_min", **more}, 6)
    for spacing in spacings:
        add("dpm++2m", {**sd, "timestep_spacing": spacing, "use_karras_sigmas": True}, 9)
        add("dpm++2m", {**sd, "timestep_spacing": spacing, "rescale_betas_zero_snr": True,
                        "prediction_type": "v_prediction"}, 9)
    add("dpm++2m", {**sd, "use_karras_sigmas": True, "final_sigmas_type": "sigma_min"}, 16)

    # a sampler swapped in on another one's file
    for run in CLASSES:
        add("ddim", drive, 10, run=run)
        add("euler", svd, 10, run=run)
    return cases


def network(x, timestep):
    """What check_schedules.c computes as well: smooth, nonlinear, of the size of its input."""
    return torch.sin(1.3 * x + 0.01 * timestep) + 0.2 * x


def run_case(index, case):
    name, config, run, steps, eta = case
    file = {"_class_name": CLASSES[name].__name__, **config}
    scheduler = CLASSES[run].from_config(file)
    scheduler.set_timesteps(steps)
    if run != "ddim":
        # what the first step is does not depend on timesteps that occur twice
        scheduler.set_begin_index(0)
    generator = torch.Generator("cpu").manual_seed(index)
    x = torch.randn(STATE, generator=generator) * scheduler.init_noise_sigma
    states = []
    for timestep in scheduler.timesteps:
        output = network(scheduler.scale_model_input(x, timestep), timestep)
        extra = {"eta": eta, "generator": generator} if run == "ddim" else {}
        x = scheduler.step(output, timestep, x, **extra).prev_sample
        states.append([float("%.7g" % value) for value in x])
    assert numpy.isfinite(states).all(), case
    timesteps = [float("%.7g" % t) for t in scheduler.timesteps]
    return {"config": file, "run": run, "steps": steps, "eta": eta,
            "initial_scale": float("%.8g" % scheduler.init_noise_sigma), "timesteps": timesteps,
            # long runs are compared at their end only
            "states": states if steps <= 30 else states[-1:]}


def timestep_cases():
    """Every noise schedule with every spacing, with and without Karras' sigmas. The prediction changes nothing unless
    timesteps are continuous, which is checked here, so that the test can try them all."""
    rows = []
    for name, betas, zero_snr, spacing, karras in itertools.product(
            CLASSES, ("linear", "scaled_linear", "squaredcos_cap_v2"), (False, True), ("leading", "trailing", "linspace"),
            (False, True)):
        if name == "ddim" and (karras or zero_snr or betas != "linear"):
            continue        # they change nothing
        config = {"beta_schedule": betas, "rescale_betas_zero_snr": zero_snr, "timestep_spacing": spacing,
                  "use_karras_sigmas": karras}
        # how many training timesteps, how many of a run, and these
        runs = [(train, steps, timesteps_of(name, config, train, steps))
                for train, steps in ((1000, 1), (1000, 2), (1000, 8), (1000, 61), (999, 25))]
        rows.append({"run": name, "config": config, "runs": runs})
    return rows


def timesteps_of(name, config, train, steps):
    lists = []
    for prediction in PREDICTIONS:
        file = {"prediction_type": prediction, "num_train_timesteps": train, **config}
        known = inspect.signature(CLASSES[name].__init__).parameters
        scheduler = CLASSES[name].from_config({key: value for key, value in file.items() if key in known})
        scheduler.set_timesteps(steps)
        # for some numbers of steps diffusers has a timestep too many, -1, at the end
        lists.append([float("%.7g" % t) for t in scheduler.timesteps[:steps]])
    assert all(timesteps == lists[0] for timesteps in lists)
    # a few of long lists, from both ends
    timesteps = lists[0] if steps <= 25 else lists[0][:3] + lists[0][-3:]
    return [int(t) if t == int(t) else t for t in timesteps]


def default_cases():
    """What each class that scheduler_config.c accepts has where a file lacks a key, as far as the key is read there."""
    keys = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type", "timestep_spacing",
            "steps_offset", "clip_sample", "clip_sample_range", "set_alpha_to_one", "rescale_betas_zero_snr",
            "use_karras_sigmas", "timestep_type", "final_sigmas_type", "solver_order", "lower_order_final",
            "euler_at_final")
    rows = []
    for name in ("DDIM", "DDPM", "PNDM", "EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete", "LMSDiscrete",
                 "KDPM2Discrete", "KDPM2AncestralDiscrete", "DEISMultistep", "DPMSolverMultistep",
                 "DPMSolverSinglestep", "UniPCMultistep"):
        parameters = inspect.signature(getattr(diffusers, name + "Scheduler").__init__).parameters
        rows.append({"class": name + "Scheduler",
                     "defaults": {key: parameters[key].default for key in keys if key in parameters}})
    return rows


def guides(scale):
    """Whether diffusers' pipelines run both halves."""
    unet = types.SimpleNamespace(config=types.SimpleNamespace(time_cond_proj_dim=None))
    pipeline = types.SimpleNamespace(_guidance_scale=scale, unet=unet)
    return StableDiffusionPipeline.do_classifier_free_guidance.fget(pipeline)


def guidance_case(scale, context_scale):
    """A run on STATE frames of one number. What the network sees beside it is 1 with context, 0 without; `prompt` stands
    for what a prompt does."""
    scheduler = EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    scheduler.set_timesteps(4)
    x = torch.randn(STATE, generator=torch.Generator("cpu").manual_seed(42)) * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        scaled = scheduler.scale_model_input(x, timestep)

        def call(prompt, context):
            return network(scaled + prompt + 0.3 * context, timestep)
        text, negative = call(0.5, 1.0), call(-0.8, 1.0)
        guided = text
        if guides(scale):
            guided = negative + scale * (text - negative)
        if context_scale != 1.0:
            guided = guided + (context_scale - 1.0) * (negative - call(-0.8, 0.0))
        if guides(scale) or context_scale != 1.0:
            guided = rescale_noise_cfg(guided, text, guidance_rescale=0.5)
        x = scheduler.step(guided, timestep, x).prev_sample
    return {"guidance": scale, "context_guidance": context_scale, "calls": 2 if guides(scale) else 1,
            "result": [float("%.7g" % value) for value in x]}


def main():
    logging.disable(logging.WARNING)
    torch.set_num_threads(1)
    expected = {"noise": noise_cases(),
                "schedules": [run_case(i, case) for i, case in enumerate(schedule_cases())],
                "timesteps": timestep_cases(),
                "defaults": default_cases(),
                "guidance": [guidance_case(scale, context) for scale in (0.0, 0.5, 1.0, 1.5, 4.0)
                             for context in (1.0, 1.5)]}
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sampling.json")
    with open(path, "w") as f:
        f.write('{\n')
        f.write(",\n".join('"%s": [\n%s\n]' % (key, ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows))
                           for key, rows in expected.items()))
        f.write('\n}\n')


if __name__ == "__main__":
    main()
