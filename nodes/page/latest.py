"""What questions have in common that ask for what the last run recorded, or for what the model's file tells."""

from ...bending.errors import BendError
from ...bending.maps.record import Record
from ...bending.text.token_field import TokenField
from ...host.maps import record_store
from ...host.model_file import FileFacts, facts_of
from . import asked


def record_behind(question: dict) -> Record | None:
    """The newest record of the first of the Patch Models `patches` (execution ids) of a `workflow` that has one."""
    workflow = asked(question, "workflow", str)
    for patch in asked(question, "patches", list, 100):
        found = record_store.latest(str(patch), workflow)
        if found is not None:
            return found[1]
    return None


def recorded_words(record: Record, token: str) -> list[int]:
    """The numbers of those words of a token field that a record has; of all where it names none of its own.

    None of a field that cannot be read.
    """
    try:
        terms = TokenField.parse(token).terms if token.strip() else ()
    except BendError:  # half typed: the field itself is told by others
        return []
    found = []
    for term in terms:
        try:
            found.append(record.word(str(term)))
        except BendError:  # not recorded
            continue
    return list(dict.fromkeys(found)) if terms else list(range(len(record.words)))


def file_facts(question: dict) -> FileFacts | None:
    """What the file of the `loader` tells, `{class_type, inputs}`; an empty object where no loader is known."""
    loader = asked(question, "loader", dict, 2)
    if not loader:
        return None
    return facts_of(asked(loader, "class_type", str), asked(loader, "inputs", dict, 200))
