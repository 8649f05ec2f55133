"""Experiment Log: what was tried, and what came of it."""

import folder_paths
from comfy_api.latest import io

from ..bending.explore import experiment_log
from ..host.log.experiment import experiment
from .common import CATEGORY, BendingWire, MapsWire, shown_text
from .texts import described_schema


class AttnBendLog(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return described_schema(
            node_id="AttnBendLog",
            display_name="Experiment Log",
            category=f"{CATEGORY}/explore",
            search_aliases=["attention bending", "notes", "diary", "jsonl", "record", "research", "observations"],
            inputs=[
                io.String.Input(
                    "observations",
                    default="",
                    multiline=True,
                    placeholder="The kiss drifts to the right after frame 40 …",
                ),
                io.Combo.Input("success", options=list(experiment_log.SUCCESS), default="not judged"),
                io.String.Input("file", default="attention_bending/log.jsonl"),
                BendingWire.Input("bending", optional=True),
                io.Conditioning.Input("conditioning", optional=True),
                MapsWire.Input("maps", optional=True),
                io.Latent.Input("latent", optional=True),
                io.String.Input("metrics", optional=True, force_input=True),
                io.String.Input("label", optional=True, force_input=True),
                io.Int.Input("seed", optional=True, force_input=True),
                io.String.Input("artifacts", optional=True, force_input=True),
            ],
            outputs=[io.String.Output("entry")],
            hidden=[io.Hidden.prompt, io.Hidden.unique_id],
            is_output_node=True,
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
        judged = {"success": success, "observations": observations.strip()}
        entry = experiment_log.append(path, judged | experiment(cls.hidden.prompt, cls.hidden.unique_id, **given))
        text = experiment_log.as_text(entry)
        shown = f"added to {file.strip()}\n{text}"
        return io.NodeOutput(text, ui=shown_text(cls, shown))
