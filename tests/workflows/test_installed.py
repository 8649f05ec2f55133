"""The pack as it is installed: what `.comfyignore` leaves of it, alone in an empty ComfyUI, makes a film."""

import json
import urllib.request

import pytest
from attention_bending.dev.paths import EXPORTS, ROOT
from attention_bending.dev.server import WorkflowError
from attention_bending.dev.server import server as running_server
from attention_bending.dev.twins import MARK
from workflows.filming import EXAMPLES, example, shoot, smallest, the, without_bends

INSTALLED = {
    *("__init__.py", "bending", "host", "nodes", "study", "web", "locales"),
    *("models", "presets", "example_workflows", "pyproject.toml", "LICENSE", "README.md", "CHANGELOG.md"),
    ".comfyignore",
}
"""All that is installed, where it exists."""

LEFT_OUT = ("training.jsonl", "biome.json", "tsconfig.json", ".d.ts", "contact_sheet.jpg")
"""How names end that are nowhere in it: of the training, of the demo, of the page's types."""


def test_what_only_the_development_needs_is_left_out(base):
    (pack,) = (base / "custom_nodes").iterdir()
    there = {name for name in INSTALLED if (ROOT / name).exists()}
    assert {path.name for path in pack.iterdir()} == there
    assert there >= INSTALLED - {"study"}
    files = [path.name for path in pack.rglob("*") if path.is_file()]
    assert [name for name in files if name.endswith(LEFT_OUT)] == []
    assert len([name for name in files if name.endswith((".yaml", ".safetensors"))]) > 15


def test_alone_it_has_all_nodes_with_their_help_pages_and_texts(lone_server):
    there = lone_server.get("/object_info")
    ours = {name for name, node in there.items() if node["python_module"] == "custom_nodes.attention-bending"}
    assert ours == {*json.loads((EXPORTS / "object_info.json").read_text(encoding="utf-8"))}
    assert not any(name.startswith("Tiny") for name in there)
    assert "IMPORT FAILED" not in lone_server.log.read_text(encoding="utf-8")
    for name in ours:
        with urllib.request.urlopen(f"{lone_server.url}/extensions/attention-bending/docs/{name}.md") as page:
            assert page.read().startswith(b"# ")
    assert {*lone_server.get("/i18n")["en"]["nodeDefs"]} >= ours


def test_it_makes_a_film_of_its_own_model_and_recipe(lone_server):
    """And shows its example workflows."""
    prompt = example(f"A recipe from a file{MARK}", steps=1)
    take = shoot(lone_server, prompt)
    assert take.texts[the(prompt, "AttnBendModel")].startswith("1. Swap(other=yellow")
    assert take.film.isfinite().all()
    assert not take.film.equal(shoot(lone_server, without_bends(prompt)).film)
    assert sorted(lone_server.get("/workflow_templates")["attention-bending"]) == sorted(EXAMPLES)


def node(kind: str, **inputs) -> dict:
    return {"class_type": kind, "inputs": inputs}


@pytest.mark.slow
def test_a_host_without_kornia_loses_no_node(tmp_path, monkeypatch):
    """Some install ComfyUI without what it calls non-essential; only the pictures that need it say so."""
    (tmp_path / "kornia.py").write_text('raise ImportError("no kornia on this host")', encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with running_server() as host:
        assert "no kornia on this host" in host.log.read_text(encoding="utf-8")  # its own nodes are lost
        ours = {name for name in host.get("/object_info") if name.startswith("AttnBend")}
        assert ours == {*json.loads((EXPORTS / "object_info.json").read_text(encoding="utf-8"))}
        grid = {
            "a": node("EmptyImage", width=64, height=64, batch_size=2, color=0),
            "b": node("EmptyImage", width=64, height=64, batch_size=2, color=255),
            "both": node("CreateList", **{"inputs.input0": ["a", 0], "inputs.input1": ["b", 0]}),
            "one": node("AttnBendGrid", images=["a", 0]),
        }
        host.queue(grid)
        with pytest.raises(WorkflowError, match=r"this needs the package kornia.*pip install kornia"):
            host.queue({**grid, "two": node("AttnBendGrid", images=["both", 0])})
        prompt = smallest(MARK, steps=1)
        assert shoot(host, prompt).film.isfinite().all()
