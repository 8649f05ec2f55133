"""``python dev train-toy``: make the models of models/toy/ from a seed.

--state FOLDER     where it keeps what it needs to go on after a stop (default .host/toy)
--image-steps N    steps on single pictures, before …
--film-steps N     … steps on films; more of them than before goes on with a finished training
--device cpu|cuda  where (default cpu: some hours)
--threads N        of the CPU (default torch's choice)
--compile          let torch compile the blocks: minutes at first, then twice as fast; needs a C++ compiler
"""

import argparse
import logging
import subprocess
import sys
from pathlib import Path

from .. import paths, setup
from . import comfy_host
from .log import Log

STATE = paths.HOST / "toy"


def main(arguments: list[str]) -> int:
    """The command: set up, then run this module in ComfyUI's Python."""
    parse(arguments)
    host = setup.ensure()
    return subprocess.run(host.module("dev.toy.train", *arguments), cwd=paths.ROOT).returncode


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev train-toy", description="Train the toy Wan.", allow_abbrev=False)
    parser.add_argument("--state", type=Path, default=STATE, metavar="FOLDER", help="what it needs to go on")
    parser.add_argument("--image-steps", type=int, default=2000, metavar="N", help="on single pictures")
    parser.add_argument("--film-steps", type=int, default=6000, metavar="N", help="on films")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, metavar="N", help="of the CPU; default torch's choice")
    parser.add_argument("--compile", action="store_true", help="twice as fast after minutes; needs a C++ compiler")
    parser.add_argument("--only-vae", action="store_true", help="stop after the VAE")
    return parser.parse_args(arguments)


def run(asked: argparse.Namespace) -> None:
    """Train what is not trained yet."""
    comfy_host.start(asked.device)
    import torch

    from . import learn, vae

    if asked.threads:
        torch.set_num_threads(asked.threads)
    logging.disable(logging.WARNING)
    log = Log(asked.state / "log.jsonl")
    device = torch.device(asked.device)
    coder = vae.train(asked.state, device, log)
    if not asked.only_vae:
        learn.train(asked.state, learn.Plan(asked.image_steps, asked.film_steps), coder, device, log, asked.compile)


if __name__ == "__main__":
    run(parse(sys.argv[1:]))
