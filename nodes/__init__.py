"""The nodes: widgets to values, and nothing else."""

from comfy_api.latest import ComfyExtension, io

from .aims import AIMS
from .files import FILES
from .log import AttnBendLog
from .map_files import MAP_FILES
from .maps import MAPS
from .model import AttnBendModel
from .modes import MODES
from .prompt import AttnBendPrompt, AttnBendTokens
from .report import AttnBendReport
from .seeing import SEEING
from .stack import AttnBendStack
from .sweep import SWEEPS
from .toy import AttnBendToyWan


class AttentionBendingExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        bending = [AttnBendPrompt, AttnBendTokens, *MODES, *MAPS, *AIMS, AttnBendStack, AttnBendModel]
        return [*bending, *SEEING, *MAP_FILES, AttnBendReport, *FILES, *SWEEPS, AttnBendLog, AttnBendToyWan]
