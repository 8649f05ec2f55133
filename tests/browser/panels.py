"""What nodes say, on the page."""

PANEL = "attention_bending"
"""The name of the widget."""

AT = """id => id.split(':').reduce(
    (graph, part) => (graph.subgraph ?? graph).getNodeById(part), app.rootGraph)"""
"""The node with an execution id: "19:8" is node 8 inside of subgraph 19."""

SAID = f"""id => {{
    const panel = ({AT})(id)?.widgets?.find(widget => widget.name === '{PANEL}')?.element
    return panel?.querySelector('[data-section=report]')?.innerText || null
}}"""
"""What is read on it, null where it has no panel."""
