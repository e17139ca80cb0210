# SPDX-License-Identifier: Apache-2.0
"""What the exact gate costs over joint training, beside its floor and other ways to the same gradients.

    python benchmarks/gate_speed.py
    python benchmarks/gate_speed.py --cases camus_denoise isic2018_denoise --rounds 9 --threads 2
    python benchmarks/gate_speed.py --device cuda --dtype bfloat16 --channels-last --compile --batch 32 --size 224

Each case is a bundle: its enhancer, recognizers and losses, one random batch, the same weights for all. A step is
forward passes, gradients, and Adam for every network (with a learning rate of 0, so that the weights stay). Every way
first shows, with the gate open and with it closed, that its gradients are gradprom's; these steps are the warm-up too.

Then in each of --rounds rounds all take a step, in a random order, so that all meet the same machine; in between one
vector-Jacobian product through the enhancer's retained graph is timed. The floor is a round's joint step and one such
product per task: two gradients over θ are two walks through that graph, and joint training takes one.

The table has medians over rounds, of a round's ratio and not of times far apart, and the quartiles of the ratio to the
floor. On the CPU with one thread time is the process's CPU time, which other programs disturb little; else it is wall
time. The process keeps the memory that it frees (glibc only), unless --default-allocator: page faults come and go, and
are no way's own. Memory is the peak of a step, in one more step: see gate_memory.py. `θ` is a copy of the enhancer's
parameters. torchjd is left out where it is not installed (extra `bench`).
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from statistics import median, quantiles

import torch
from gate_cases import Case, bundle_case
from gate_memory import peak_memory
from gate_methods import METHODS, OTHERS, Method, enhancer_backward, joint
from machine import describe
from torch import Tensor

from monai_gradprom.enhance.processes.kept_memory import keep_freed_memory

JOINT, BACKWARD = "joint training", "one enhancer backward"
Times = dict[str, list[float]]


def methods() -> dict[str, Method]:
    found = {JOINT: joint, **METHODS}
    if find_spec("torchjd") is not None:
        import gate_torchjd

        found |= gate_torchjd.METHODS
    return found | OTHERS


def usable(case: Case, candidates: dict[str, Method]) -> Iterator[tuple[str, float]]:
    """Those that run here, with the largest relative difference of their θ's and φ's gradients from gradprom's.

    With the gate open and closed. Joint training, approximate gates and look-aheads lead to others, and have no figure.
    """
    expected = {sign: gradients(case, METHODS["gradprom"], sign) for sign in (1.0, -1.0)}
    for name, method in candidates.items():
        try:
            found = {sign: gradients(case, method, sign) for sign in expected}
        except RuntimeError as error:  # vectorised products do not know every operation
            print(f"{name}: does not run here: {str(error).splitlines()[0]}")
            continue
        pairs = [pair for sign in expected for pair in zip(found[sign], expected[sign], strict=True)]
        difference = max(float((a - b).norm() / b.norm()) for a, b in pairs)
        yield name, float("nan") if name == JOINT or name in OTHERS else difference


def gradients(case: Case, method: Method, sign: float) -> tuple[Tensor, Tensor]:
    case.sign = sign
    found = case.gradients(method)
    case.sign = 1.0
    return found


def timed(case: Case, rounds: int, candidates: dict[str, Method], clock: Callable[[], float]) -> Times:
    order = random.Random(0)
    times: Times = {name: [] for name in (*candidates, BACKWARD)}
    seed = torch.randn_like(case.enhance())
    for _ in range(rounds):
        for name in order.sample(list(times), len(times)):
            case.zero_grad()
            if name == BACKWARD:
                output = case.enhance()
                times[name].append(elapsed(case, clock, partial(enhancer_backward, output, case.theta, seed)))
            else:
                times[name].append(elapsed(case, clock, partial(case.step, candidates[name])))
    return times


def elapsed(case: Case, clock: Callable[[], float], act: Callable[[], None]) -> float:
    wait = torch.cuda.synchronize if case.device.type == "cuda" else lambda: None
    wait()
    began = clock()
    act()
    wait()
    return clock() - began


def rows(case: Case, times: Times, difference: dict[str, float], memory: dict[str, int]) -> Iterator[str]:
    pairs = list(zip(times[JOINT], times[BACKWARD], strict=True))
    floor = [one + len(case.recognizers) * backward for one, backward in pairs]
    theta = sum(parameter.nbytes for parameter in case.theta)
    base = memory[JOINT]
    for name, found in {BACKWARD: times[BACKWARD], "**the floor**": floor, **times}.items():
        over_joint = median(t / one for t, one in zip(found, times[JOINT], strict=True))
        ratios = [t / least for t, least in zip(found, floor, strict=True)]
        low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
        cells = [f"{1000 * median(found):.1f}", f"{over_joint:.3f}", f"{median(ratios):.3f} ({low:.3f} to {high:.3f})"]
        if name in memory:
            more = memory[name] - base
            cells += [f"{memory[name] / 2**20:.1f}", f"{memory[name] / base:.3f}", f"{more / theta:+.2f}"]
            cells.append("" if difference[name] != difference[name] else f"{difference[name]:.0e}")
        else:
            cells += [""] * 4
        yield f"| {name} | " + " | ".join(cells) + " |"


def report(case: Case, args: argparse.Namespace) -> None:
    by_cpu = case.device.type == "cpu" and args.threads == 1
    sizes = {"θ": case.theta, **case.phis}
    print(f"\n{case.name}; " + ", ".join(f"{name} {sum(p.numel() for p in some):,}" for name, some in sizes.items()))
    candidates = {name: way for name, way in methods().items() if name.startswith((JOINT, *args.only))}
    difference = dict(usable(case, candidates))
    candidates = {name: candidates[name] for name in difference}
    times = timed(case, args.rounds, candidates, time.process_time if by_cpu else time.perf_counter)
    memory = {name: peak_memory(case, method) for name, method in candidates.items()}
    unit = "CPU time" if by_cpu else "wall time"
    print(f"\n| | ms, {unit} | over joint | over the floor | peak, MiB | over joint | in θ | gradients differ by |")
    print("|---" * 8 + "|")
    print("\n".join(rows(case, times, difference, memory)), flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=["camus_denoise", "covidct_denoise"], help="bundles")
    parser.add_argument("--only", nargs="+", default=[""], help="ways whose names begin so, and joint training")
    parser.add_argument("--rounds", type=int, default=5, help="steps of each (5)")
    parser.add_argument("--batch", type=int, default=4, help="images (4; the bundles train with 8)")
    parser.add_argument("--size", type=int, help="their sides in pixels; default: the bundle's image_size")
    parser.add_argument("--width", type=int, help="channels of the enhancer; default: the bundle's")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch on the CPU (1)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32", help="of autocast")
    parser.add_argument("--channels-last", action="store_true", help="memory layout of images and networks")
    parser.add_argument("--compile", action="store_true", help="compile the enhancer, as the trainer does")
    parser.add_argument("--default-allocator", action="store_true", help="let glibc hand back large blocks at once")
    args = parser.parse_args(argv)
    torch.set_num_threads(args.threads)
    if not args.default_allocator:
        keep_freed_memory()
    card = f"; {torch.cuda.get_device_name(args.device)}" if args.device.startswith("cuda") else ""
    print(describe("torch", "monai", "torchjd") + card)
    print(f"{args.dtype}{', channels-last' * args.channels_last}{', compiled' * args.compile}, {args.rounds} rounds")
    for bundle in args.cases:
        dtype = getattr(torch, args.dtype)
        options = (args.batch, args.size, args.width, args.device, dtype, args.channels_last, args.compile)
        report(bundle_case(bundle, *options), args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
