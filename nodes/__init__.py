"""The nodes: widgets to values, and nothing else."""

from comfy_api.latest import ComfyExtension, io

from ..host.display import page_server
from .aims import AIMS
from .compare import AttnBendCompare
from .files import FILES
from .log import AttnBendLog
from .map_files import MAP_FILES
from .maps import MAPS
from .measure import AttnBendMeasure
from .model import AttnBendModel
from .modes import MODES
from .prompt import AttnBendPrompt, AttnBendTimeline, AttnBendTokens
from .report import AttnBendReport
from .seeing import SEEING
from .stack import AttnBendStack
from .sweep import SWEEPS
from .toy import AttnBendToyWan


class AttentionBendingExtension(ComfyExtension):
    async def on_load(self) -> None:
        server = page_server()
        if server is None:
            return  # a headless host, which may not have the server's packages
        from .page.routes import add_routes

        add_routes(server)

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        bending = [AttnBendPrompt, AttnBendTokens, *MODES, *MAPS, *AIMS, AttnBendStack, AttnBendModel]
        seeing = [*SEEING, *MAP_FILES, AttnBendReport]
        exploring = [*SWEEPS, AttnBendCompare, AttnBendMeasure]
        return [*bending, *seeing, *FILES, *exploring, AttnBendTimeline, AttnBendLog, AttnBendToyWan]
