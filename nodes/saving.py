"""Where nodes write: ComfyUI's counted file names, with a sentence for each name that cannot be."""

import os
from pathlib import Path

import folder_paths

from ..bending.errors import BendError
from ..bending.file_name import fault_of_name, shown


def new_file(prefix: str, folder: str, ending: str) -> Path:
    """The next file `prefix_00001_ending` in a folder of ComfyUI's; the folders in the prefix are made.

    Raises BendError for a prefix that is no name for a file or leads out of the folder, and where its own folder cannot
    be made.
    """
    how = "Write a name such as kiss, or one in a folder such as mine/kiss."
    path = prefix.replace("\\", "/")
    *folders, name = path.split("/")
    parts = [part for part in folders if part not in ("", ".", "..")]
    for part in (*parts, f"{name}_00001_{ending}" if name.strip(" .") else name):
        if fault := fault_of_name(part):
            raise BendError(f"filename_prefix is {shown(prefix)}, which {fault}. {how}")
    own = os.path.abspath(os.path.join(folder, os.path.dirname(os.path.normpath(path))))
    if not Path(own).is_relative_to(os.path.abspath(folder)):
        raise BendError(f"filename_prefix is {shown(prefix)}, which leads out of the folder. {how}")
    try:
        whole, name, counter, *_ = folder_paths.get_save_image_path(prefix, folder)
    except OSError as error:
        raise BendError(
            f"filename_prefix is {shown(prefix)}, whose folder cannot be used: {error.strerror}. Choose another "
            "folder, or make that one writable."
        ) from None
    return Path(whole, f"{name}_{counter:05}_{ending}")
