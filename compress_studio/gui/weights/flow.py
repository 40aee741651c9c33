"""From a file of weights, code or an archive to an open model: what is asked, and what happens with the answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress_studio.artifacts.openable import Way, openable
from compress_studio.artifacts.sniffing import Format
from compress_studio.base.errors import UserError
from compress_studio.engine import consents
from compress_studio.engine.records import Cause
from compress_studio.engine.runstate import Stage
from compress_studio.gui import opening
from compress_studio.gui.dialogs.asking import Option, Question
from compress_studio.gui.dialogs.showing import show_dialog
from compress_studio.gui.dialogs.unsaved import NEW, REPLACE
from compress_studio.gui.recognizing import Dropped, Kind
from compress_studio.project import edits
from compress_studio.project.files import SOURCE_PATH
from compress_studio.project.pipeline import SOURCE_STEP, NodeId

if TYPE_CHECKING:
    from compress_studio.artifacts.openable import Openable
    from compress_studio.gui.commands import Commands
    from compress_studio.gui.weights.dialog import WeightsDialog
    from compress_studio.gui.weights.state import ArchitectureChoice
    from compress_studio.project.pipeline import Node

INSIDE = "compress_studio.inspection.archives:inside"
LIBRARY = re.compile(r"(the library [^()]+) \(digest ([0-9a-f]{40})\)")
"""A library of operators in a message, and its digest."""
LIBRARY_TEXT = (
    "A library of operators runs inside of the worker processes of this program and can do anything that you can."
    " Allow it only if you trust it; that is remembered for exactly this file."
)
DIGITS = 12
"""Of a digest that are shown."""
PARAMETERS = ("architecture", "arguments", "entry", "dims")
"""Of source.model: what the dialog asks for."""
Then = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to become of a file."""

    path: Path
    how: str = NEW
    """NEW, REPLACE or ADD."""
    node: NodeId | None = None
    """The source that is to open it; None: the first one, or a new one."""
    code: Path | None = None
    """A Python file that came with it."""


def nothing() -> None:
    """For wishes after which nothing is to be done."""


def open_weights(commands: Commands, path: Path, node: NodeId | None = None) -> WeightsDialog:
    """Ask for the network of weights; with a source it is asked again, with the values of that source.

    The project is only changed when the dialog ends with "Open".
    """
    return ask(commands, Wish(path, NEW if node is None else REPLACE, node))


def asks(found: Dropped) -> bool:
    """Whether something cannot be opened at once: it needs an answer, or a look into an archive."""
    return found.kind in {Kind.WEIGHTS, Kind.CODE} or found.format is Format.ZIP


def open_asking(commands: Commands, found: Dropped, wish: Wish, then: Then = nothing) -> None:
    """Open weights, code or an archive; then is called after the project was changed, and only then."""
    session = commands.session
    if found.format is Format.ZIP:
        seen, unseen = partial(_seen, commands, wish, then), session.report
        session.looks.ask(f"inside {wish.path}", INSIDE, (str(wish.path),), seen, unseen)
        return
    session.light.submit(
        f"weights {wish.path}",
        partial(openable, wish.path, closely=True),
        partial(_looked, commands, wish, then),
        session.report,
    )


def ask(commands: Commands, wish: Wish, then: Then = nothing) -> WeightsDialog:
    """Show the dialog for a file of weights or code."""
    from compress_studio.gui.weights.dialog import WeightsDialog

    dialog = WeightsDialog(commands, wish.path, _known(commands, wish), commands.window)
    dialog.chosen.connect(partial(_chosen, commands, wish, then))
    show_dialog(dialog)
    return dialog


def review(commands: Commands, node: NodeId) -> WeightsDialog | None:
    """Ask whether the code of a source may run, and go on with what waited for the answer."""
    path, view = source_path(commands, node), commands.session.views.get(node)
    if path is None:
        return None
    failure = None if view is None else view.failure
    libraries = LIBRARY.findall(failure.message) if failure is not None and failure.cause is Cause.CONSENT else []
    if not libraries:
        return open_weights(commands, path, node)
    listed = " and ".join(f"{what} (digest {digest[:DIGITS]}…)" for what, digest in libraries)
    question = Question(f"Load {listed}?", LIBRARY_TEXT, (Option("allow", "Allow and open", primary=True),))
    if commands.asking.choose(question) is not None:
        for what, digest in libraries:
            consents.give(digest, what)
        _go_on(commands, node)
    return None


def source_path(commands: Commands, node: NodeId) -> Path | None:
    """The file that a source opens; None for any other node."""
    pipeline = commands.session.project.pipeline
    path = str(pipeline.node(node).params.get(SOURCE_PATH, "")) if node in pipeline else ""
    return Path(path) if path and pipeline.node(node).step == SOURCE_STEP else None


def open_as(commands: Commands, wish: Wish, values: Mapping[str, Any] = opening.NOTHING) -> None:
    """Change the project as it was wished."""
    session = commands.session
    if wish.how == REPLACE:
        opening.replace_model(session, wish.path, wish.node, values)
    elif wish.how == NEW:
        opening.open_model(session, wish.path, values)
    else:
        opening.add_model(session, wish.path, values)
    commands.opened(wish.path)


def _known(commands: Commands, wish: Wish) -> dict[str, str]:
    """What is filled in: the values of the source that has the file already, or the code that came with it."""
    source = _source(commands, wish)
    if source is not None and source.params.get(SOURCE_PATH) == str(wish.path.absolute()):
        return {name: str(source.params.get(name, "")) for name in PARAMETERS}
    code = wish.path if wish.path.suffix.lower() == ".py" else wish.code
    return {} if code is None else {"architecture": str(code.absolute())}


def _source(commands: Commands, wish: Wish) -> Node | None:
    if wish.how != REPLACE:
        return None
    sources = commands.session.project.pipeline.sources()
    return next((one for one in sources if wish.node in {None, one.id}), None)


def _chosen(commands: Commands, wish: Wish, then: Then, choice: ArchitectureChoice) -> None:
    """The dialog ended well: open the file, or let a source that has it already go on."""
    session, values = commands.session, choice.values()
    source = _source(commands, wish)
    if source is not None and source.params.get(SOURCE_PATH) == str(wish.path.absolute()):
        changed = {name: value for name, value in values.items() if source.params.get(name, "") != value}
        label = f"Open {wish.path.name} in another way"
        if changed and not session.edit(label, edits.set_params(source.id, changed, session.runtime.steps)):
            return
        _go_on(commands, source.id)
    else:
        open_as(commands, wish, values)
    then()


def _go_on(commands: Commands, source: NodeId) -> None:
    """Open a source again, with everything that waited for it."""
    waiting = _waiting(commands, source)
    if waiting:
        commands.session.facts.forget(str(source_path(commands, source)))
        commands.session.run(waiting)
    else:
        opening.open_again(commands.session, source)


def _waiting(commands: Commands, source: NodeId) -> list[NodeId]:
    """What the newest run could not compute because it stopped at a source."""
    state = commands.session.run_state
    if not state.ended or source not in state.nodes or state.nodes[source].state is not Stage.FAILED:
        return []
    return [node for node, one in state.nodes.items() if one.state is Stage.BLOCKED]


def _looked(commands: Commands, wish: Wish, then: Then, found: Openable) -> None:
    """The closer look at a file is there."""
    if found.way is Way.REFUSED:
        commands.tell(found.error())
    else:
        ask(commands, wish, then)


def _seen(commands: Commands, wish: Wish, then: Then, answer: Mapping[str, Any]) -> None:
    """The look into an archive is there."""
    if answer["asks"]:
        ask(commands, wish, then)
        return
    try:
        open_as(commands, wish)
    except UserError as error:
        commands.tell(error)
    else:
        then()
