#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks against PyTorch on the same cores, in one run: the programs take turns, so that a machine that changes its
speed meanwhile is unjust to none. Prints medians as tables in Markdown.

    tests/bench/run.py BUILD [--networks NAME ...] [--rounds N] [--results FILE] [--before COMMAND] [--print]

Python needs torch, diffusers, transformers and safetensors (python -m venv, pip install torch diffusers==0.42.1
transformers==5.23.0). Every run is a process of its own and a line in the results file (BUILD/bench/results.jsonl), so
that an interrupted benchmark goes on where it ended: rounds that are in the file are not repeated. --before puts a
command before each process, as one that waits until the machine is free. Random weights are written to BUILD/bench once,
up to 3 GB a network. VLDM_DEVICE chooses our device; the comparison is fair with a CPU device only, on a machine that
does nothing else: PyTorch's threads wait for each other so closely that busy neighbours make it many times slower.
"""
import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time

import networks

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
# Who in the results: our options, and the peer's precision.
OURS = {"ours": [], "ours-bf16": ["--bf16"]}
PEERS = {"ours": "fp32", "ours-bf16": "bf16"}
LAYOUTS = ("last", "first")
# Largest difference of results that rounding explains, against their rms.
TOLERANCE = 0.01


class Results:
    """The file of runs: one line of JSON each."""
    def __init__(self, path):
        self.path = path
        self.runs = []
        if os.path.exists(path):
            with open(path) as f:
                self.runs = [json.loads(line) for line in f]

    def add(self, run):
        self.runs.append(run)
        with open(self.path, "a") as f:
            f.write(json.dumps(run) + "\n")

    def find(self, network, who, layout=None):
        return [run for run in self.runs if run["network"] == network and run["who"] == who
                and layout in (None, run["layout"])]

    def layout(self, network, who):
        """The layout whose fastest run is fastest; the first round has tried both."""
        tried = self.find(network, who)
        return min(tried, key=lambda run: run["seconds"])["layout"] if tried else None

    def best(self, network, who):
        return self.find(network, who, self.layout(network, who))


def run_process(command, before, environment=None):
    """The lines "name number" that a program prints, as a dictionary; of several "seconds" the median."""
    text = subprocess.run(before + command, env={**os.environ, **(environment or {})}, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    lines = [line.split() for line in text.splitlines()]
    values = {name: float(value) for name, value in lines if name != "seconds"}
    values["seconds"] = statistics.median(float(value) for name, value in lines if name == "seconds")
    return values


def our_command(build, network, folder):
    command = [os.path.join(build, "tests", "bench", "bench_networks"), network["kind"], folder]
    if network["kind"] in ("unet", "decode"):
        command += [str(n) for n in network["size"]]
    if network["kind"] == "unet":
        command += ["--tokens", str(network.get("tokens", 77)), "--calls", str(network.get("calls", 1)),
                    "--conditions", ",".join(str(c) for c in network.get("conditions", []))]
    return command


def measure(options, results, name, who, layout):
    network = networks.NETWORKS[name]
    folder = networks.make_folder(name, SOURCE, os.path.join(options.build, "bench"))
    often = ["--rounds", str(network["repeat"]), "--warm", "1"]
    if who in OURS:
        command = our_command(options.build, network, folder) + OURS[who]
        values = run_process(command + often, options.before)
    else:
        values = run_process([sys.executable, os.path.join(HERE, "peer.py"), name, folder, who, layout] + often,
                             options.before, {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "-1", "TRANSFORMERS_VERBOSITY": "error"})
    results.add({"network": name, "who": who, "layout": layout, "date": time.strftime("%F %T"), **values})
    print("%-12s %-9s %-5s %9.3f s  load %6.2f s  %5.2f GB" % (
        name, who, layout or "", values["seconds"], values["load"], values["memory"] / 1e9), file=sys.stderr)


def measure_peak(options, results):
    """The device's rate of multiply-adds, before each round: machines differ, and so do their minutes."""
    command = [os.path.join(options.build, "tests", "kernels", "kernels"), "--bench", "--test=peak/*"]
    text = subprocess.run(options.before + command, check=True, text=True, stdout=subprocess.PIPE).stdout
    line = next(line for line in text.splitlines() if line.startswith("peak/fma"))
    results.add({"network": "peak", "who": "ours", "layout": None, "gflops": float(line.split()[-2])})


def measure_round(options, results, name, done):
    """Round number @done of a network: ours and every peer, those in both layouts the first time."""
    for ours in options.who:
        if len(results.find(name, ours)) <= done:
            measure_peak(options, results)
            measure(options, results, name, ours, None)
        peer = PEERS[ours]
        if done == 0:
            for layout in options.layouts:
                if not results.find(name, peer, layout):
                    measure(options, results, name, peer, layout)
        elif len(results.best(name, peer)) <= done:
            measure(options, results, name, peer, results.layout(name, peer))


def check_same(results, name):
    """Whether both sides computed the same."""
    ours, peer = results.find(name, "ours"), results.best(name, "fp32")
    if ours and peer:
        for number in ("rms", "projection"):
            if abs(ours[-1][number] - peer[-1][number]) > TOLERANCE * abs(peer[-1]["rms"]):
                print("%s: %s of our result is %g, of PyTorch's %g: not the same work" % (
                    name, number, ours[-1][number], peer[-1][number]), file=sys.stderr)


def median(runs, key="seconds"):
    return statistics.median(run[key] for run in runs)


def row(results, name):
    """Medians of both precisions, each beside PyTorch's in the same; memory is the largest of all runs."""
    peak = median(results.find("peak", "ours"), "gflops")
    cells, memory, rounds = [networks.NETWORKS[name]["title"]], [], []
    for who, peer in PEERS.items():
        ours, peers = results.find(name, who), results.best(name, peer)
        if not ours or not peers:
            cells += [""] * 3
            continue
        rate = networks.operations(name, SOURCE)[0] / median(ours) / 1e9
        cells += ["%.2f s" % median(ours), "%.0f (%.0f%%)" % (rate, 100 * rate / peak),
                  "%.2f s, **%.2f**" % (median(peers), median(peers) / median(ours))]
        memory += ["%.1f / %.1f" % tuple(max(run["memory"] for run in runs) / 1e9 for runs in (ours, peers))]
        rounds += [len(ours), len(peers)]
    return "| " + " | ".join(cells + [", ".join(memory), str(min(rounds))]) + " |"


def bound_row(results, name):
    """How far the device's peak allows to go in fp32."""
    peak = median(results.find("peak", "ours"), "gflops") * 1e9
    direct, fewest = networks.operations(name, SOURCE)
    ours, peer = median(results.find(name, "ours")), median(results.best(name, "fp32"))
    return "| %s | %.0f | %.0f | %.2f s | %.2f | %.2f (%.0f%%) |" % (
        networks.NETWORKS[name]["title"], direct / 1e9, fewest / 1e9, fewest / peak, peer * peak / fewest, peer / ours,
        100 * fewest / peak / ours)


def print_tables(results):
    peaks = [run["gflops"] for run in results.find("peak", "ours")]
    print("Peak of multiply-adds: %.0f GFLOP/s (%.0f to %.0f)" % (statistics.median(peaks), min(peaks), max(peaks)))
    print("| work | fp32: ours | GFLOP/s (of peak) | PyTorch, times slower | bf16: ours | GFLOP/s (of peak) "
          "| PyTorch, times slower | peak memory, GB, ours / PyTorch: fp32, bf16 | rounds |")
    print("|---|---|---|---|---|---|---|---|---|")
    measured = [name for name in networks.NETWORKS if results.find(name, "ours") and results.best(name, "fp32")]
    for name in measured:
        print(row(results, name))
    print("\n| work in fp32 | GFLOP, directly | with Winograd's fewest products | these at the peak "
          "| PyTorch, times slower than that | than ours (share of what is possible) |")
    print("|---|---|---|---|---|---|")
    for name in measured:
        print(bound_row(results, name))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", help="folder where meson built this project with its tests")
    parser.add_argument("--networks", nargs="+", choices=networks.NETWORKS, default=list(networks.NETWORKS))
    parser.add_argument("--who", nargs="*", choices=OURS, default=list(OURS), help="our precisions")
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=LAYOUTS, help="PyTorch's, tried in the first round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--results")
    parser.add_argument("--before", type=shlex.split, default=[], metavar="COMMAND")
    parser.add_argument("--print", action="store_true", help="print the tables of the results file, measure nothing")
    options = parser.parse_args()
    options.build = os.path.abspath(options.build)
    os.makedirs(os.path.join(options.build, "bench"), exist_ok=True)
    results = Results(options.results or os.path.join(options.build, "bench", "results.jsonl"))

    for name in [] if options.print else options.networks:
        for done in range(options.rounds):
            measure_round(options, results, name, done)
        check_same(results, name)
    print_tables(results)


if __name__ == "__main__":
    main()
