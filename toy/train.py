"""``python dev train-toy``: make the models of models/toy/ from a seed.

--state FOLDER     where it keeps what it needs to go on after a stop (default .host/toy)
--image-steps N    steps on single pictures, before …
--film-steps N     … steps on films; more of them than before goes on with a finished training
--device cpu|cuda  where (default cpu: some hours)
--threads N        of the CPU (default torch's choice)
--export           train nothing: write the files from the weights there are, finished or not
--compile          let torch compile the blocks: minutes at first, then twice as fast; needs a C++ compiler
"""

import argparse
import logging
import subprocess
from pathlib import Path

from ..dev import comfy_host, paths, setup
from .log import Log

STATE = paths.HOST / "toy"
FILES = paths.ROOT / "models" / "toy"


def main(arguments: list[str]) -> int:
    """The command: set up, then run this module in ComfyUI's Python."""
    parse(arguments)
    host = setup.ensure()
    return subprocess.run(host.module("attention_bending.toy.train", *arguments), cwd=paths.ROOT).returncode


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev train-toy", description="Train the toy Wan.", allow_abbrev=False)
    parser.add_argument("--state", type=Path, default=STATE, metavar="FOLDER", help="what it needs to go on")
    parser.add_argument("--image-steps", type=int, default=2000, metavar="N", help="on single pictures")
    parser.add_argument("--film-steps", type=int, default=2500, metavar="N", help="on films")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, metavar="N", help="of the CPU; default torch's choice")
    parser.add_argument("--compile", action="store_true", help="twice as fast after minutes; needs a C++ compiler")
    parser.add_argument("--export", action="store_true", help="only write the files, from the weights there are")
    return parser.parse_args(arguments)


def run(arguments: list[str]) -> None:
    """What the command does in ComfyUI's Python: train what is not trained yet, and write the files."""
    asked = parse(arguments)
    comfy_host.start_on(asked.device)
    import torch

    from . import export, learn, vae

    if asked.threads:
        torch.set_num_threads(asked.threads)
    logging.disable(logging.WARNING)
    log = Log(asked.state / "log.jsonl")
    device = torch.device(asked.device)
    if not asked.export:
        coder = vae.train(asked.state, device, log)
        learn.train(asked.state, learn.Plan(asked.image_steps, asked.film_steps), coder, device, log, asked.compile)
    export.write(asked.state, FILES)
