"""Models of ComfyUI's that no family takes, and why not: by the class in `comfy.model_base`."""

from collections.abc import Mapping

JOINT = "not yet: in its attention text and picture share one softmax"
UNET = "not yet: in a UNet the grid of places and the heads differ from block to block"
UNTRIED = "not yet: its text attention is one of its own, but was not tried"
NO_OPTIONS = "its attention is called without transformer_options, so that no bend can reach it"
SOUND = "it makes sound, which has no places in a picture to bend"
NO_TEXT = "its attention reads no prompt"

_BY_REASON = {
    JOINT: (
        "AuraFlow Boogu Chroma ChromaRadiance CogVideoX Flux Flux2 GenmoMochi HiDream HiDreamO1 HunyuanImage21 "
        "HunyuanImage21Refiner HunyuanVideo HunyuanVideo15 HunyuanVideo15_SR_Distilled HunyuanVideoI2V "
        "HunyuanVideoSkyreelsI2V Ideogram4 JoyImage Krea2 Lens LongCatImage Lumina2 MageFlow MiniMaxH3 Omnigen2 PiD "
        "PixelDiTT2I QwenImage SD3 SeedVR2 StableCascade_B StableCascade_C ZImagePixelSpace"
    ),
    UNET: ("BaseModel Lotus SD15_instructpix2pix SD21UNCLIP SDXL SDXLRefiner SDXL_instructpix2pix SD_X4Upscaler"),
    UNTRIED: "CosmosVideo",
    NO_OPTIONS: "ErnieImage HunyuanDiT PixArt",
    SOUND: "ACEStep ACEStep15 StableAudio1 StableAudio3",
    NO_TEXT: (
        "DepthAnything3 Hunyuan3Dv2 Hunyuan3Dv2_1 RT_DETR_v4 SAM3 SV3D_p SV3D_u SVD_img2vid Stable_Zero123 TripoSplat"
    ),
}

REFUSED: Mapping[str, str] = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
