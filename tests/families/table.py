"""The members of all families, as `{name: Member}`: what each is made of and how its text attention lies, by hand."""

import comfy.clip_vision
import comfy.latent_formats
import torch
from attention_bending.dev.nodes_tiny.models import ANIMA, DIT, KANDINSKY5
from comfy_extras.nodes_lt import LTXVAddGuide

from .member import Member, WithFaces

WAN = {"dim": 48, "ffn_dim": 64, "num_heads": 2, "num_layers": 2, "in_dim": 16, "out_dim": 16, "text_dim": 32}


def picture(member, generator):
    """What CLIPVisionEncode gives for one picture."""
    vision = comfy.clip_vision.Output()
    vision["penultimate_hidden_states"] = torch.randn(1, 257, 1280, generator=generator)
    return {"clip_vision_output": vision}


def two_pictures(member, generator):
    """WanDancer's: the start's and the dancer's, and the music; not at 30 frames a second."""
    return {
        **picture(member, generator),
        "clip_vision_output_ref": picture(member, generator)["clip_vision_output"],
        "audio_embed": torch.randn(1, 5, 35, generator=generator),
        "fps": 24.0,
    }


def vace(references: int = 0, controls: int = 1):
    """Controls of VACE, with pictures to keep in front of them."""

    def extras(member, generator):
        _, _, frames, height, width = member.shape
        given = {"vace_frames": [], "vace_mask": [], "vace_strength": [0.8] * controls}
        for _ in range(controls):
            latents = torch.randn(1, 32, frames, height, width, generator=generator)
            mask = (torch.rand(1, 64, frames, height, width, generator=generator) > 0.5).float()
            nothing = torch.zeros(1, 16, references, height, width)
            latents[:, 16:, :references] = comfy.latent_formats.Wan21().process_out(nothing)
            mask[:, :, :references] = 0
            given["vace_frames"].append(latents)
            given["vace_mask"].append(mask)
        return given

    return extras


def camera(member, generator):
    return {**picture(member, generator), "camera_conditions": torch.randn(1, 24, 2, 64, 64, generator=generator)}


def humo(member, generator):
    """Sound for two frames and the reference behind them."""
    return {
        "audio_embed": torch.randn(1, 2, 8, 5, 1280, generator=generator),
        "reference_latents": [torch.randn(1, 16, 1, 8, 8, generator=generator)],
    }


def speech(member, generator):
    """S2V: a reference, frames of motion, sound."""
    return {
        "reference_latents": [torch.randn(1, 16, 1, 8, 8, generator=generator)],
        "reference_motion": torch.randn(1, 16, 19, 8, 8, generator=generator),
        "audio_embed": torch.randn(1, 25, 1024, 8, generator=generator),
        "control_video": torch.randn(1, 16, 2, 8, 8, generator=generator),
    }


def scail(references: int = 1, masks: bool = False):
    """References in front, and poses at half the size behind."""

    def extras(member, generator):
        given = {
            **picture(member, generator),
            "reference_latents": [torch.randn(1, 16, 1, 8, 8, generator=generator) for _ in range(references)],
            "pose_video_latent": torch.randn(1, 16, 2, 4, 4, generator=generator),
        }
        if masks:
            given["driving_mask_28ch"] = torch.rand(1, 2, 28, 4, 4, generator=generator)
            given["ref_mask_28ch"] = torch.rand(1, 2 + references, 28, 8, 8, generator=generator)
        return given

    return extras


def animate(faces: bool = False):
    """Poses for all frames but the first; faces have one size."""

    def extras(member, generator):
        given = {**picture(member, generator), "pose_video_latent": torch.randn(1, 16, 2, 8, 8, generator=generator)}
        if faces:
            given["face_video_pixels"] = torch.rand(1, 3, 1, 512, 512, generator=generator) * 2 - 1
        return given

    return extras


def wan(config: str, shape=(1, 16, 2, 8, 8), before: int = 0, behind: int = 0, **given) -> Member:
    """A Wan of two layers with a grid of 4 × 4 places a frame, and so many foreign tokens around the film's."""
    settings = {**WAN, **given.pop("settings", {})}
    calls = given.pop("calls", settings["num_layers"])
    frames = given.pop("frames", shape[2])
    film = frames * 16
    return Member(
        config,
        settings,
        shape,
        32,
        slice(before, before + film),
        (frames, 4, 4),
        before + film + behind,
        calls,
        "blocks.1.cross_attn",
        **given,
    )


def with_faces(*given, **more) -> WithFaces:
    return WithFaces(**vars(wan(*given, **more, extras=animate(faces=True), slow=True)))


LTX = {
    "num_attention_heads": 2,
    "attention_head_dim": 32,
    "cross_attention_dim": 64,
    "caption_channels": 32,
    "in_channels": 128,
    "num_layers": 2,
}


def heard(member, generator):
    """T5's mask: of the positive prompt ten columns are heard, of another eight."""
    mask = torch.zeros(1, member.columns, dtype=torch.long)
    mask[:, : 10 if generator.initial_seed() == 1 else 8] = 1
    return {"attention_mask": mask}


def all_heard(member, generator):
    return {"attention_mask": torch.ones(1, member.columns, dtype=torch.long)}


def guide(text, step: int = 1):
    """A picture for the first frame, dilated by `step`, and what the `text` has."""

    def extras(member, generator):
        latent = torch.zeros(1, 128, 1, 4, 4)
        ((_, given),) = LTXVAddGuide.add_keyframe_index([[None, {}]], 0, latent, (8, 32, 32))
        entry = {"pre_filter_count": 16, "strength": 1.0, "pixel_mask": None, "latent_shape": [1, 4 // step, 4 // step]}
        return {**text(member, generator), **given, "guide_attention_entries": [entry]}

    return extras


def for_guide(step: int = 1) -> torch.Tensor:
    """Two frames of film, and a guide that is kept; dilated, it has a token in each `step` rows and columns alone."""
    mask = torch.cat((torch.ones(1, 1, 2, 4, 4), torch.full((1, 1, 1, 4, 4), -1.0)), 2)
    mask[:, :, 2, ::step, ::step] = 0
    return mask


def ltx(config: str = "LTXV", guides: int = 0, behind: int = 0, settings=LTX, **given) -> Member:
    """Two layers, and two frames of 4 × 4 places with guides behind that have so many tokens."""
    shape, site = (1, 128, 2 + guides, 4, 4), "transformer_blocks.1.attn2"
    lies = {"rows": slice(32), "grid": (2, 4, 4), "queries": 32 + behind, "calls": 2, "site": site}
    return Member(config, settings, shape, **{**lies, "width": 32, "encoder": "t5xxl", **given})


TEN = tuple(range(10, 24))

LTX2 = {
    **LTX,
    "caption_channels": 64,
    "audio_in_channels": 128,
    "audio_cross_attention_dim": 32,
    "audio_attention_head_dim": 16,
    "audio_num_attention_heads": 2,
    "connector_attention_head_dim": 32,
    "connector_num_attention_heads": 2,
}
LTX23 = {
    **LTX2,
    "caption_proj_before_connector": True,
    "caption_projection_first_linear": False,
    "cross_attention_adaln": True,
    "apply_gated_attention": True,
    "connector_apply_gated_attention": True,
    "audio_connector_attention_head_dim": 16,
}


def connected(member, generator):
    """Gemma's, before the model's connector."""
    return {"unprocessed_ltxav_embeds": True}


def ltx2(settings=LTX2, **given) -> Member:
    """Registers fill the columns up to 1024; a second of sound stands behind the film."""
    own = {"width": 64, "columns": 1024, "embedded": 24, "registers": 1000, "keys": 1024, "encoder": "gemma3_12b"}
    return ltx("LTXAV", settings=settings, **{**own, "extras": connected, "sound": (1, 8, 5, 16), **given})


def t5_ids(member, generator):
    """Anima's: of T5's tokens, of which its adapter makes the columns; those of the embedding are Qwen3's."""
    ids = torch.randint(2, 32000, (member.columns - 500,), generator=generator)
    return {"t5xxl_ids": ids, "t5xxl_weights": torch.ones(len(ids))}


def start_kept(member, generator):
    """What Cosmos makes of a start picture: a mask that keeps the first latent frame."""
    _, _, frames, height, width = member.shape
    mask = torch.ones(1, 1, frames, height, width)
    mask[:, :, 0] = 0
    return {"concat_mask": mask}


def cosmos(config: str, frames: int = 2, **given) -> Member:
    """A MiniTrainDIT of two layers with a grid of 4 × 4 places a frame."""
    settings = {**DIT, **given.pop("settings", {})}
    width = settings["crossattn_emb_channels"]
    own = {"encoder": "t5xxl", **given}
    film = slice(0, frames * 16)
    return Member(
        config, settings, (1, 16, frames, 8, 8), width, film, (frames, 4, 4), film.stop, 2, "blocks.1.cross_attn", **own
    )


def pooled(member, generator):
    """CLIP-L's summary of the prompt."""
    return {"pooled_output": torch.randn(1, 768, generator=generator)}


def pooled_and_start(member, generator):
    """And a start picture in the place of the first latent frame."""
    start = torch.randn(1, 16, 1, *member.shape[3:], generator=generator)
    return {**pooled(member, generator), "time_dim_replace": start}


def kandinsky(config: str, shape=(1, 16, 2, 8, 8), frames: int = 2, extras=pooled) -> Member:
    """Two visual blocks with a grid of 4 × 4 places a frame."""
    site, film = "visual_transformer_blocks.1.cross_attention", slice(0, frames * 16)
    own = {"encoder": "qwen25_7b", "extras": extras}
    return Member(config, KANDINSKY5, shape, 32, film, (frames, 4, 4), film.stop, 2, site, **own)


VACE = {"vace_layers": 1, "vace_in_dim": 96}

MEMBERS = {
    "Wan 2.1 T2V": wan("WAN21_T2V"),
    "Wan 2.1 I2V": wan("WAN21_I2V", extras=picture),
    "Wan 2.2 5B": wan("WAN22_T2V", (1, 48, 2, 8, 8), settings={"in_dim": 48, "out_dim": 48}),
    "Wan FlowRVS": wan("WAN21_FlowRVS"),
    "VACE": wan("WAN21_Vace", settings=VACE, calls=3, extras=vace()),
    "VACE, two controls": wan("WAN21_Vace", settings={**VACE, "vace_layers": 2}, calls=6, extras=vace(controls=2)),
    "VACE, a reference": wan(
        "WAN21_Vace", (1, 16, 3, 8, 8), 16, frames=2, settings=VACE, calls=3, extras=vace(references=1)
    ),
    "Wan 2.1 Camera": wan("WAN21_Camera", settings={"in_dim_control_adapter": 24}, extras=camera),
    "Wan 2.2 Camera": wan("WAN22_Camera", settings={"in_dim_control_adapter": 24}, extras=camera),
    "HuMo": wan("WAN21_HuMo", behind=16, extras=humo, slow=True),
    "S2V": wan("WAN22_S2V", behind=16 + 16 + 4 + 4, settings={"audio_inject_layers": [0]}, extras=speech),
    "SCAIL": wan("WAN21_SCAIL", before=16, behind=8, settings={"in_dim": 20}, extras=scail()),
    "SCAIL-2, two references": wan(
        "WAN21_SCAIL2", before=32, behind=8, settings={"in_dim": 20}, extras=scail(2, masks=True)
    ),
    "WanDancer": wan("WAN22_WanDancer", settings={"audio_inject_layers": [0]}, extras=two_pictures),
    "Animate": wan("WAN22_Animate", (1, 16, 3, 8, 8), 16, frames=2, settings={"in_dim": 36}, extras=animate()),
    "Animate, faces": with_faces(
        "WAN22_Animate", (1, 16, 3, 8, 8), 16, frames=2, settings={"in_dim": 36, "num_layers": 5}
    ),
    "LTX-Video": ltx(extras=heard, shut=TEN),
    "LTX-Video, all heard": ltx(extras=all_heard),
    "LTX-Video, a guide": ltx(guides=1, behind=16, extras=guide(heard), shut=TEN, mask=for_guide()),
    "LTX-Video, a dilated guide": ltx(guides=1, behind=4, extras=guide(heard, 2), shut=TEN, mask=for_guide(2)),
    "LTX-2": ltx2(),
    "LTX-2, no sound, a guide": ltx2(guides=1, behind=16, extras=guide(connected), sound=None, mask=for_guide()),
    "LTX-2.3": ltx2(LTX23, width=96),
    "Cosmos Predict 2": cosmos("CosmosT2IPredict2"),
    "Cosmos Predict 2, a picture": cosmos("CosmosT2IPredict2", frames=1),
    "Cosmos Predict 2, from a picture": cosmos("CosmosI2VPredict2", settings={"in_channels": 17}, extras=start_kept),
    "Anima": cosmos(
        "Anima",
        frames=1,
        settings=ANIMA,
        keys=512,
        columns=512,
        embedded=9,
        extras=t5_ids,
        slow=True,
    ),
    "Kandinsky 5": kandinsky("Kandinsky5"),
    "Kandinsky 5, from a picture": kandinsky("Kandinsky5", extras=pooled_and_start),
    "Kandinsky 5 Image": kandinsky("Kandinsky5Image", (1, 16, 8, 8), 1),
}
