"""The nodes: widgets to values, and nothing else."""

from comfy_api.latest import ComfyExtension, io

from .aims import AIMS
from .maps import MAPS
from .model import AttnBendModel
from .modes import MODES
from .prompt import AttnBendPrompt, AttnBendTokens
from .stack import AttnBendStack
from .toy import AttnBendToyWan


class AttentionBendingExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return [AttnBendPrompt, AttnBendTokens, *MODES, *MAPS, *AIMS, AttnBendStack, AttnBendModel, AttnBendToyWan]
