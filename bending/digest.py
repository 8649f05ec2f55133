"""Digests of tensors: two have the same where they hold the same."""

import hashlib

import torch


def fingerprint(tensor: torch.Tensor) -> str:
    """A digest of an embedding: of its bits, shape and dtype, wherever it lies."""
    plain = tensor.detach().cpu().contiguous()
    digest = hashlib.blake2b(f"{tuple(plain.shape)} {plain.dtype}".encode(), digest_size=16)
    digest.update(plain.view(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
