"""The page follows wires as the run will: from a bend to the prompts whose words it meets."""

from itertools import pairwise

import pytest

GRAPH = "await import('/extensions/attention-bending/graph.js')"
WIRES = "await import('/extensions/attention-bending/wires.js')"

FILM = {
    "toy": "AttnBendToyWan",
    "blur": "AttnBendBlur",
    "patch": "AttnBendModel",
    "good": "AttnBendPrompt",
    "bad": "AttnBendPrompt",
    "latent": "EmptyHunyuanLatentVideo",
    "sampler": "KSampler",
}
WIRED = [
    "toy model → patch model",
    "toy clip → good clip",
    "toy clip → bad clip",
    "blur bending → patch bending",
    "patch model → sampler model",
    "good conditioning → sampler positive",
    "bad conditioning → sampler negative",
]


@pytest.fixture
def graph(editor, quiet):
    return Graph(editor.page)


class Graph:
    """A small workflow whose nodes are called by their titles, and what the page's modules say of it."""

    def __init__(self, page):
        self.page = page

    def make(self, nodes=FILM, wires=WIRED):
        """Nodes by title, and wires such as "blur bending → patch bending", by the names of their ends."""
        self.page.evaluate(
            """([nodes, wires]) => {
                app.graph.clear()
                for (const [title, type] of Object.entries(nodes))
                    app.graph.add(Object.assign(LiteGraph.createNode(type), {title}))
                const at = (slots, name) => slots.findIndex(slot => slot.name === name || !name)
                for (const wire of wires) {
                    const [[from, output], [to, input]] = wire.split(' → ').map(end => end.split(' '))
                    const [source, target] = [from, to].map(title => app.graph.nodes.find(node => node.title === title))
                    if (!source.connect(at(source.outputs, output), target, at(target.inputs, input))) throw wire
                }
            }""",
            [nodes, wires],
        )

    def set(self, title, mode=0, **values):
        self.ask(
            "all.filter(node => node.title === title).forEach(node => {"
            "  node.mode = mode; node.widgets?.forEach(w => { if (w.name in values) w.value = values[w.name] }) })",
            title=title,
            mode=mode,
            values=values,
        )

    def group(self, *titles):
        """Put nodes into a subgraph of their own."""
        self.ask("void app.graph.convertToSubgraph(new Set(titles.map(title => node(title))))", titles=titles)

    def ask(self, expression, **given):
        """A JavaScript expression with the modules, all nodes, and the first node of a title."""
        return self.page.evaluate(
            f"""async given => {{
                const graph = {GRAPH}, wires = {WIRES}
                const inside = of => of.nodes.flatMap(node => [node, ...(node.subgraph ? inside(node.subgraph) : [])])
                const all = inside(app.rootGraph)
                const node = title => all.find(node => node.title === title)
                const titles = places => places.map(place => place.node.title)
                return (({{{", ".join(given)}}}) => {expression})(given)
            }}""",
            given,
        )

    def prompts(self, title="blur"):
        """What a bend meets, as (title, pass)."""
        met = self.ask("graph.promptsOf(node(title)).map(met => [met.node.title, met.pass])", title=title)
        return sorted(map(tuple, met))

    def samplers(self, title="patch"):
        return self.ask("titles(graph.patchModelsOf(node(title)).flatMap(graph.samplersOf))", title=title)


def between(title, kind, wire, output, input):
    """FILM with another node in one of its wires."""
    before, after = wire.split(" → ")
    return {**FILM, title: kind}, [
        *(other for other in WIRED if other != wire),
        f"{before} → {title} {input}".rstrip(),
        f"{title} {output}".rstrip() + f" → {after}",
    ]


BEND, COND = "blur bending → patch bending", "good conditioning → sampler positive"
BETWEEN = [
    ("AttnBendStack", BEND, "bending", "bendings.bending_0"),
    ("AttnBendWhere", BEND, "bending", "bending"),
    ("AttnBendWhen", BEND, "bending", "bending"),
    ("AttnBendAnimate", BEND, "bending", "bending"),
    ("AttnBendSweep", BEND, "bending", "bending"),
    ("AttnBendRotate", BEND, "bending", "bending"),
    ("Reroute", BEND, "", ""),
    ("Reroute", COND, "", ""),
    ("Reroute", "patch model → sampler model", "", ""),
    ("ModelSamplingSD3", "patch model → sampler model", "MODEL", "model"),
    ("ConditioningCombine", COND, "CONDITIONING", "conditioning_1"),
]


@pytest.mark.parametrize(("kind", *"woi"), BETWEEN, ids=[f"{kind}: {wire}" for kind, wire, *_ in BETWEEN])
def test_what_stands_in_a_wire_is_passed(graph, kind, w, o, i):
    graph.make(*between("between", kind, w, o, i))
    assert graph.prompts() == [("good", "positive")]
    assert graph.samplers() == ["sampler"]
    if kind != "Reroute":  # which can be neither bypassed nor muted
        graph.set("between", mode=4)
        assert graph.prompts() == [("good", "positive")]
        graph.set("between", mode=2)
        assert graph.prompts() == []


def test_a_bypassed_bend_is_passed_and_meets_nothing_itself(graph):
    graph.make(*between("between", "AttnBendRotate", BEND, "bending", "bending"))
    graph.set("between", mode=4)
    assert graph.prompts() == [("good", "positive")]
    assert graph.prompts("between") == []
    assert graph.ask("titles(graph.bendsOf(graph.patchModelsOf(node('blur'))[0]))") == ["blur"]


@pytest.mark.parametrize("aims", [["negative"], ["both"], ["both", "negative"], ["negative", "positive"]])
def test_bend_where_aims_at_a_pass(graph, aims):
    nodes = FILM | {f"where{i}": "AttnBendWhere" for i in range(len(aims))}
    chain = ["blur", *(f"where{i}" for i in range(len(aims))), "patch"]
    wires = [wire for wire in WIRED if wire != BEND]
    wires += [f"{a} bending → {b} bending" for a, b in pairwise(chain)]
    graph.make(nodes, wires)
    for i, aim in enumerate(aims):
        graph.set(f"where{i}", **{"pass": aim})
    both = [("bad", "negative"), ("good", "positive")]
    expected = {"negative": both[:1], "both": both, "both negative": both[:1], "negative positive": []}
    assert graph.prompts() == expected[" ".join(aims)]
    assert graph.prompts("patch") == both


def test_the_order_in_which_bends_act(graph):
    nodes = FILM | {"flip": "AttnBendFlip", "rotate": "AttnBendRotate", "stack": "AttnBendStack"}
    wires = [
        *(wire for wire in WIRED if wire != BEND),
        "blur bending → flip bending",
        "flip bending → stack bendings.bending_0",
        "rotate bending → stack bendings.bending_1",
        "stack bending → patch bending",
    ]
    graph.make(nodes, wires)
    bends = "titles(graph.bendsOf(graph.patchModelsOf(node('blur'))[0]))"
    assert graph.ask(bends) == ["blur", "flip", "rotate", "stack"]


def test_guiders_lead_to_the_sampler_that_they_guide(graph):
    nodes = FILM | {"guider": "DualCFGGuider", "other": "AttnBendPrompt", "sampler": "SamplerCustomAdvanced"}
    wires = [
        *WIRED[:4],
        "patch model → guider model",
        "good conditioning → guider cond1",
        "other conditioning → guider cond2",
        "bad conditioning → guider negative",
    ]
    graph.make(nodes, wires)
    assert graph.samplers() == []
    assert graph.prompts("patch") == [("bad", "negative"), ("good", "positive")]
    graph.make(nodes, [*wires, "guider GUIDER → sampler guider"])
    assert graph.samplers() == ["sampler"]


def test_a_model_that_no_sampler_takes_meets_nothing(graph):
    graph.make(FILM | {"save": "ModelSamplingSD3"}, [*WIRED[:4], "patch model → save model", *WIRED[5:]])
    assert graph.samplers() == [] and graph.prompts() == []


def test_passes_stay_apart_in_nodes_that_change_both(graph):
    """Nodes with positive and negative on both sides, such as those of image to video."""
    nodes = FILM | {"image": "WanImageToVideo"}
    wires = [*WIRED[:5], *(f"{p} conditioning → image {i}" for p, i in (("good", "positive"), ("bad", "negative")))]
    graph.make(nodes, [*wires, *(f"image {p} → sampler {p}" for p in ("positive", "negative"))])
    assert graph.prompts() == [("good", "positive")]


def test_a_conditioning_of_other_nodes_is_told(graph):
    graph.make(FILM | {"good": "CLIPTextEncode"}, [w.replace("good conditioning", "good CONDITIONING") for w in WIRED])
    assert graph.prompts() == []
    assert graph.ask("titles(graph.conditioningsOf(node('blur')))") == ["good"]


def test_through_subgraphs_in_subgraphs(graph):
    graph.make(*between("flip", "AttnBendFlip", BEND, "bending", "bending"))
    graph.group("flip")
    graph.ask("void (all.find(node => node.subgraph).title = 'inner')")
    graph.group("inner", "patch")
    graph.ask("void (app.graph.nodes.find(node => node.subgraph).title = 'outer')")
    graph.group("good", "bad")
    assert graph.prompts() == [("good", "positive")]
    assert graph.prompts("flip") == [("good", "positive")]
    outer, inner, flip, patch = graph.ask("['outer', 'inner', 'flip', 'patch'].map(title => String(node(title).id))")
    assert graph.ask("graph.patchModelsOf(node('flip')).map(place => place.id)") == [f"{outer}:{patch}"]
    assert graph.ask("wires.idsOf(node('flip'))") == [f"{outer}:{inner}:{flip}"]
    graph.set("inner", mode=4)
    assert graph.prompts() == [("good", "positive")] and graph.prompts("flip") == []
    graph.set("inner", mode=2)
    assert graph.prompts() == []
    graph.set("inner", mode=0)
    graph.set("outer", mode=4)
    assert graph.prompts() == []


def test_a_subgraph_that_is_used_twice(graph):
    graph.make()
    graph.group("blur")
    graph.page.evaluate(
        """() => {
            const first = app.graph.nodes.find(node => node.subgraph)
            const second = LiteGraph.createNode(first.type)
            app.graph.add(second)
        }"""
    )
    assert len(graph.ask("wires.idsOf(node('blur'))")) == 2
    assert graph.prompts() == [("good", "positive")]


def test_reroutes_of_links_are_passed(graph):
    graph.make()
    graph.page.evaluate(
        """() => { for (const link of [...app.graph.links.values()]) app.graph.createReroute([5, 5], link) }"""
    )
    assert graph.prompts() == [("good", "positive")] and graph.samplers() == ["sampler"]


def test_a_circle_of_wires_ends(graph):
    nodes = FILM | {"flip": "AttnBendFlip"}
    graph.make(nodes, [*WIRED, "blur bending → flip bending", "flip bending → blur bending"])
    assert graph.prompts() == [("good", "positive")]


def test_values_and_the_loader_of_a_prompt(graph):
    text, loader = (
        "wires.valueAt(graph.promptsOf(node('blur'))[0], 'text')",
        "graph.loaderOf(graph.promptsOf(node('blur'))[0])",
    )
    kinds = {
        "load": "CLIPLoader",
        "lora": "CLIPSetLastLayer",
        "says": "PrimitiveStringMultiline",
        "calc": "StringConcatenate",
    }
    wires = [wire for wire in WIRED if "clip" not in wire]
    clips = ["load CLIP → lora clip", "lora CLIP → good clip"]
    graph.make(FILM | kinds, [*wires, *clips])
    graph.set("good", text="a (kiss)")
    graph.set("says", value="a (hug)")
    graph.set("load", type="wan")
    assert graph.ask(text) == "a (kiss)"
    told = graph.ask(loader)
    assert told["class_type"] == "CLIPLoader" and told["inputs"]["type"] == "wan" and "clip_name" in told["inputs"]
    graph.group("good")
    assert graph.ask(text) == "a (kiss)"
    assert graph.ask(loader)["class_type"] == "CLIPLoader"

    graph.make(FILM | kinds, [*wires, "says STRING → good text"])
    graph.set("says", value="a (hug)")
    assert graph.ask(text) == "a (hug)"
    assert graph.ask(loader) is None
    graph.group("good")
    assert graph.ask(text) == "a (hug)"
    graph.make(FILM | kinds, [*wires, "calc STRING → good text"])
    assert graph.ask(text) is None
