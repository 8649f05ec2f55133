"""The only rooms that know ComfyUI: its patcher, its conditionings, its models."""
