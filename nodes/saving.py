"""Where nodes write: ComfyUI's counted file names, with a sentence for each name that cannot be."""

from pathlib import Path

import folder_paths

from ..bending.errors import BendError
from ..bending.file_name import fault_of_name, shown


def new_file(prefix: str, folder: str, ending: str) -> Path:
    """The next file `prefix_00001_ending` in a folder of ComfyUI's; the folders in the prefix are made.

    Raises BendError for a prefix that is no name for a file, and where its folder cannot be made; and as ComfyUI does,
    for one that leads out of the folder.
    """
    how = "Write a name such as kiss, or one in a folder such as mine/kiss."
    *folders, name = prefix.replace("\\", "/").split("/")
    parts = [part for part in folders if part not in ("", ".", "..")]  # what those lead to, ComfyUI looks at
    for part in (*parts, f"{name}_00001_{ending}" if name.strip(" .") else name):
        if fault := fault_of_name(part):
            raise BendError(f"filename_prefix is {shown(prefix)}, which {fault}. {how}")
    try:
        whole, name, counter, *_ = folder_paths.get_save_image_path(prefix, folder)
    except OSError as error:
        raise BendError(
            f"filename_prefix is {shown(prefix)}, whose folder cannot be used: {error.strerror}. Choose another "
            "folder, or make that one writable."
        ) from None
    return Path(whole, f"{name}_{counter:05}_{ending}")
