"""The pack as it is installed: what `.comfyignore` leaves of it, alone in an empty ComfyUI, makes a film."""

from attention_bending.dev.twins import MARK
from workflows.filming import EXAMPLES, example, shoot, the, without_bends

DEVELOPMENT = {".ci", ".gitignore", "dev", "docs", "tests", "toy"}


def test_what_only_the_development_needs_is_left_out(base):
    (pack,) = (base / "custom_nodes").iterdir()
    installed = {path.name for path in pack.iterdir()}
    assert not installed & DEVELOPMENT
    assert installed >= {"__init__.py", "bending", "host", "nodes", "models", "presets", "web", "LICENSE"}


def test_it_makes_a_film_of_its_own_model_and_recipe(lone_server):
    """And shows its example workflows."""
    prompt = example(f"A recipe from a file{MARK}", steps=1)
    take = shoot(lone_server, prompt)
    assert take.texts[the(prompt, "AttnBendModel")].startswith("1. Swap(other=yellow")
    assert take.film.isfinite().all()
    assert not take.film.equal(shoot(lone_server, without_bends(prompt)).film)
    assert sorted(lone_server.get("/workflow_templates")["attention-bending"]) == sorted(EXAMPLES)
