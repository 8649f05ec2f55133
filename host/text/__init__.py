"""Prompts encoded by ComfyUI's CLIP objects."""
