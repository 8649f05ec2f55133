"""Models of ComfyUI's that no family takes, and why not: by the class in `comfy.model_base`."""

from collections.abc import Mapping

JOINT = "not yet: in its attention text and picture share one softmax"
UNET = "not yet: in a UNet the grid of places and the heads differ from block to block"
UNTRIED = "not yet: its text attention is one of its own, but was not tried"
NO_OPTIONS = "its attention is called without transformer_options, so that no bend can reach it"
CACHED = "it keeps the keys and values of its prompt from one step to the next, outside of the attention of a step"
SOUND = "it makes sound, which has no places in a picture to bend"
NO_TEXT = "its attention reads no prompt"
NO_STEPS = "it finds things in pictures, and makes none in steps"

_BY_REASON = {
    JOINT: (
        "AuraFlow Boogu Chroma ChromaRadiance CogVideoX Flux Flux2 GenmoMochi HiDream HunyuanImage21 "
        "HunyuanImage21Refiner HunyuanVideo HunyuanVideo15 HunyuanVideo15_SR_Distilled HunyuanVideoI2V "
        "HunyuanVideoSkyreelsI2V Ideogram4 JoyImage Krea2 Lens LongCatImage Lumina2 MageFlow MiniMaxH3 Omnigen2 PiD "
        "PixelDiTT2I QwenImage SD3 StableCascade_B StableCascade_C ZImagePixelSpace"
    ),
    UNET: ("BaseModel Lotus SD15_instructpix2pix SD21UNCLIP SDXL SDXLRefiner SDXL_instructpix2pix SD_X4Upscaler"),
    UNTRIED: "CosmosVideo",
    NO_OPTIONS: "ErnieImage HunyuanDiT PixArt SeedVR2",
    CACHED: "HiDreamO1",
    SOUND: "ACEStep ACEStep15 StableAudio1 StableAudio3",
    NO_TEXT: "Hunyuan3Dv2 Hunyuan3Dv2_1 SV3D_p SV3D_u SVD_img2vid Stable_Zero123 TripoSplat",
    NO_STEPS: "DepthAnything3 RT_DETR_v4 SAM3",
}

REFUSED: Mapping[str, str] = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
