"""The real ComfyUI of the host's tests, in this process."""

from host.conftest import inference_mode, sample, shown_records

__all__ = ["inference_mode", "sample", "shown_records"]
