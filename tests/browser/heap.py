"""A snapshot of the page's heap: what is alive, and who holds it."""

import json
import re

import numpy as np

WEAK = "weak"
IN_TABLE = re.compile(r"pair in WeakMap \(table @(\d+)\)")


class Heap:
    """All objects of the page, as a graph of `names`, whose edges are those that keep an object alive."""

    def __init__(self, page):
        client = page.context.new_cdp_session(page)
        scripts: dict[str, str] = {}
        client.on("Debugger.scriptParsed", lambda told: scripts.update({told["scriptId"]: told["url"]}))
        client.send("Debugger.enable")
        client.send("Debugger.disable")
        chunks: list[str] = []
        client.on("HeapProfiler.addHeapSnapshotChunk", lambda told: chunks.append(told["chunk"]))
        client.send("HeapProfiler.collectGarbage")
        client.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
        client.detach()
        self._read(json.loads("".join(chunks)))
        self.scripts = scripts

    def _read(self, snapshot):
        meta, strings = snapshot["snapshot"]["meta"], np.array(snapshot["strings"], dtype=object)
        fields, kinds = meta["node_fields"], meta["node_types"][0]
        nodes = np.array(snapshot["nodes"]).reshape(-1, len(fields))
        column = {name: nodes[:, place] for place, name in enumerate(fields)}
        self.names = strings[column["name"]]
        self.kinds = np.array(kinds, dtype=object)[column["type"]]
        self.ids = column["id"]
        self.detached = column["detachedness"] == 2
        edges = np.array(snapshot["edges"]).reshape(-1, 3)
        edge_kinds = np.array(meta["edge_types"][0], dtype=object)[edges[:, 0]]
        source = np.repeat(np.arange(len(nodes)), column["edge_count"])
        named = ~np.isin(edge_kinds, ["element", "hidden"])
        self.edge_names = np.where(named, strings[np.where(named, edges[:, 1], 0)], edges[:, 1].astype(object))
        keeps = edge_kinds != WEAK
        for at in np.flatnonzero(edge_kinds == "internal"):
            in_table = IN_TABLE.search(self.edge_names[at])
            if in_table and int(in_table[1]) == self.ids[source[at]]:
                keeps[at] = False  # it is the key that keeps the value
        self.edge_names, self.source, self.target = (
            self.edge_names[keeps],
            source[keeps],
            edges[keeps, 2] // len(fields),
        )
        self.first = np.searchsorted(self.source, np.arange(len(nodes) + 1))
        places = np.array(snapshot["locations"]).reshape(-1, len(meta["location_fields"]))
        self.locations = places[:, 0] // len(fields), places[:, 1]

    def reached(self, without=()):
        """For each object the edge by which it is come to first from the roots, by no way through some; −1 for none."""
        by = np.full(len(self.names), -1)
        by[np.asarray(without, int)] = -2
        by[0] = -3
        front = np.array([0])
        while len(front):
            counts = self.first[front + 1] - self.first[front]
            edges = np.repeat(self.first[front] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            edges = edges[by[self.target[edges]] == -1]
            new, at = np.unique(self.target[edges], return_index=True)
            by[new] = edges[at]
            front = new
        return by

    def path(self, place, by):
        """How an object is held, from the roots to it."""
        way = [self.names[place][:80]]
        while by[place] >= 0:
            edge = by[place]
            place = self.source[edge]
            way.append(f"{self.names[place][:80]} .{str(self.edge_names[edge])[:60]}")
        return way[::-1]

    def closures(self, part):
        """The functions of the scripts whose address has that part."""
        ids = [int(script) for script, url in self.scripts.items() if part in url]
        objects, scripts = self.locations
        return objects[np.isin(scripts, ids)]
