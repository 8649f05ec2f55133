"""Experiment Log: what was tried, and what came of it."""

import folder_paths
from comfy_api.latest import io

from ..bending.explore import experiment_log
from ..host.log.experiment import experiment
from .common import CATEGORY, BendingWire, MapsWire, said


class AttnBendLog(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AttnBendLog",
            display_name="Experiment Log",
            category=CATEGORY,
            description="Keeps a diary of experiments: prompt, seed, sampler, bends, counts and numbers of this film, "
            "with what you saw in it, as one more line of a file.",
            search_aliases=["attention bending", "notes", "diary", "jsonl", "record", "research", "observations"],
            inputs=[
                io.String.Input(
                    "observations",
                    default="",
                    multiline=True,
                    placeholder="The kiss drifts to the right after frame 40 …",
                    tooltip="What you see in the film. Run again with other words, and nothing is sampled anew: a line "
                    "is added.",
                ),
                io.Combo.Input(
                    "success",
                    options=list(experiment_log.SUCCESS),
                    default="not judged",
                    tooltip="Whether the film does what was meant.",
                ),
                io.String.Input(
                    "file",
                    default="attention_bending/log.jsonl",
                    tooltip="The log, in ComfyUI's output folder; .jsonl is added where it has no ending.",
                ),
                BendingWire.Input("bending", optional=True, tooltip="The bends that were used, with all their fields."),
                io.Conditioning.Input(
                    "conditioning",
                    optional=True,
                    tooltip="Of Bend Prompt: the prompt, its marked words and their tokens.",
                ),
                MapsWire.Input(
                    "maps",
                    optional=True,
                    tooltip="Of the Patch Model that recorded, with its latent: what the run says it did, and the "
                    "words that were recorded.",
                ),
                io.Latent.Input(
                    "latent",
                    optional=True,
                    tooltip="The sampler's latent, as it came out. It says which sampler is meant, and that this node "
                    "comes after it.",
                ),
                io.String.Input(
                    "metrics",
                    optional=True,
                    force_input=True,
                    tooltip="Numbers as JSON: Bend Grid's, or Attention Maps Grid's.",
                ),
                io.String.Input(
                    "label",
                    optional=True,
                    force_input=True,
                    tooltip="Bend Sweep's: which film of the sweep a line is about. Of metrics it keeps that film's.",
                ),
                io.Int.Input(
                    "seed",
                    optional=True,
                    force_input=True,
                    tooltip="The seed, where it comes by a wire, as from Bend Sweep; else it is found in the graph.",
                ),
                io.String.Input(
                    "artifacts",
                    optional=True,
                    force_input=True,
                    tooltip="Paths of files that belong to this experiment, a line each, such as Save Attention Maps' "
                    "path.",
                ),
            ],
            outputs=[io.String.Output("entry", tooltip="What was written, as JSON.")],
            hidden=[io.Hidden.prompt, io.Hidden.unique_id],
            is_output_node=True,
            not_idempotent=True,  # two equal nodes are two lines
        )

    @classmethod
    def validate_inputs(cls, file=None) -> bool | str:
        try:
            return file is None or bool(experiment_log.place(folder_paths.get_output_directory(), file))
        except ValueError as error:
            return str(error)

    @classmethod
    def execute(cls, observations, success, file, **given) -> io.NodeOutput:
        path = experiment_log.place(folder_paths.get_output_directory(), file)
        told = {"success": success, "observations": observations.strip()}
        entry = experiment_log.append(path, told | experiment(cls.hidden.prompt, cls.hidden.unique_id, **given))
        text = experiment_log.as_text(entry)
        shown = f"added to {file.strip()}\n{text}"
        return io.NodeOutput(text, ui=said(cls, shown))
