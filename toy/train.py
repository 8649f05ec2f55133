"""``python dev train-toy``: make the models of models/toy/ from a seed."""

import argparse
import logging
from pathlib import Path

from ..dev import comfy_host, paths
from .log import Log

STATE = paths.HOST / "toy"
FILES = paths.ROOT / "models" / "toy"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python dev train-toy", description="Train the toy Wan.", allow_abbrev=False)
    add = parser.add_argument
    add("--state", type=Path, default=STATE, metavar="FOLDER", help="what it needs to go on (default .host/toy)")
    add("--image-steps", type=int, default=2000, metavar="N", help="steps on single pictures, before those on films")
    add("--film-steps", type=int, default=2500, metavar="N", help="steps on films; more go on with a finished training")
    add("--device", choices=("cpu", "cuda"), default="cpu", help="where (default cpu: some hours)")
    add("--threads", type=int, metavar="N", help="of the CPU (default torch's choice)")
    add("--compile", action="store_true", help="minutes at first, then twice as fast; needs a C++ compiler")
    add("--export", action="store_true", help="train nothing: write the files from the weights there are")
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
