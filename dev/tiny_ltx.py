"""Tiny checkpoints of LTX-Video and LTX-2, each with its VAEs; ComfyUI reads their sizes off the file."""

from collections.abc import Iterator

import comfy.ops
import torch
from comfy.ldm.lightricks.av_model import LTXAVModel
from comfy.ldm.lightricks.model import LTXVModel
from comfy.ldm.lightricks.vae.audio_vae import AudioVAE
from comfy.ldm.lightricks.vae.causal_video_autoencoder import VideoVAE

LTXV = {
    "num_layers": 4,
    "num_attention_heads": 2,
    "attention_head_dim": 64,
    "cross_attention_dim": 128,
    "caption_channels": 32,
}
"""As wide as the tiny T5's columns."""

LTX2 = {
    "num_layers": 4,
    "num_attention_heads": 2,
    "attention_head_dim": 12,
    "cross_attention_dim": 24,
    "caption_channels": 3840,
    "audio_num_attention_heads": 2,
    "audio_attention_head_dim": 4,
    "audio_cross_attention_dim": 8,
    "connector_num_attention_heads": 2,
    "connector_attention_head_dim": 12,
    "audio_connector_attention_head_dim": 4,
    "caption_proj_before_connector": True,
    "caption_projection_first_linear": False,
    "cross_attention_adaln": True,
    "apply_gated_attention": True,
    "connector_apply_gated_attention": True,
}
"""As LTX-2.3 is; the tiny Gemma's columns are 24 wide for the film, and 8 for its sound."""

RES, HALVED = ["res_x", {"num_layers": 1}], ["compress_all", {}]
VAE = {
    "dims": 3,
    "latent_channels": 128,
    "blocks": [RES, HALVED, RES, HALVED, RES, HALVED, RES],
    "encoder_base_channels": 8,
    "decoder_base_channels": 8,
    "norm_layer": "pixel_norm",
    "patch_size": 4,
    "latent_log_var": "uniform",
}

SOUND = {
    "double_z": True,
    "mel_bins": 64,
    "z_channels": 8,
    "resolution": 256,
    "downsample_time": False,
    "in_channels": 2,
    "out_ch": 2,
    "ch": 8,
    "ch_mult": [1, 2, 4],
    "num_res_blocks": 1,
    "attn_resolutions": [],
    "dropout": 0.0,
    "mid_block_add_attention": False,
    "norm_type": "pixel",
    "causality_axis": "height",
}
VOCODER = {"upsample_initial_channel": 32, "resblock_kernel_sizes": [3], "resblock_dilation_sizes": [[1, 3, 5]]}


def checkpoints() -> Iterator[tuple[str, dict, dict[str, torch.nn.Module]]]:
    """For each file its name, its sizes, and its parts by the beginning of their weights' names."""
    config = {"transformer": LTXV, "vae": VAE}
    yield "tiny_ltxv", config, {"model.diffusion_model": _network(LTXVModel, LTXV), "vae": VideoVAE(config=VAE)}
    sound = {"audio_vae": {"model": {"params": {"ddconfig": SOUND}}}, "vocoder": VOCODER}
    config, parts = {"transformer": LTX2, "vae": VAE, **sound}, AudioVAE({"config": sound})
    film = {"model.diffusion_model": _network(LTXAVModel, LTX2), "vae": VideoVAE(config=VAE)}
    yield "tiny_ltx2", config, {**film, "audio_vae": parts.autoencoder, "vocoder": parts.vocoder}


def _network(kind: type, settings: dict) -> torch.nn.Module:
    return kind(**settings, device="cpu", dtype=torch.float32, operations=comfy.ops.manual_cast)
