"""Text on a node, in the page."""

import sys


def show_text(node: str | None, text: str) -> None:
    """Show `text` on the node with this id, where a page is connected.

    A headless host never imports its server, and neither do we.
    """
    server = getattr(getattr(sys.modules.get("server"), "PromptServer", None), "instance", None)
    if server is not None and node is not None:
        server.send_progress_text(text, node)
