"""Where things lie on the page."""

from itertools import combinations


def overlapping(boxes):
    """The pairs of names whose boxes share a place; a box is (name, left, top, width, height)."""
    return [
        (a[0], b[0])
        for a, b in combinations(boxes, 2)
        if a[1] < b[1] + b[3] and b[1] < a[1] + a[3] and a[2] < b[2] + b[4] and b[2] < a[2] + a[4]
    ]
