"""A network with all sizes fixed, and the words of converters kept from the user's terminal."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import onnx_ir as ir

from compress_studio.base.errors import Refused
from compress_studio.graph.inputs import batch_symbols, free_names, input_facts
from compress_studio.graph.saving import load, save
from compress_studio.outputs.mobile_params import sizes_of

if TYPE_CHECKING:
    from compress_studio.outputs.mobile_params import MobileParams

LARGER = 1.1
"""Times the size of the network in ONNX from which the user is told."""


def fixed(params: MobileParams, path: Path, folder: Path) -> Path:
    """The network with a number for every size of its inputs; the same path when it has no free sizes.

    Raises Refused for a free size that nobody gave.
    """
    model = load(path)
    facts = input_facts(model)
    given = sizes_of(params.dims)
    sizes = dict.fromkeys(batch_symbols(facts), params.batch) | given
    missing = [name for name in free_names(facts) if name not in sizes]
    if missing:
        raise Refused(
            f"The size of {missing[0]} is free in this network.", f"Say it, under “Sizes” or as dims={missing[0]}=…."
        )
    known = {dim for fact in facts for dim in fact.dims or () if isinstance(dim, str)}
    if unknown := [name for name in given if name not in known]:
        names = ", ".join(sorted(known)) or "none"
        raise Refused(f"There is no free size {unknown[0]} in this network.", f"Its free sizes: {names}.")
    if not known:
        return path
    shapes = {fact.name: fact.dims for fact in facts}
    for value in model.graph.inputs:
        dims = shapes.get(value.name or "")
        if dims is not None:
            value.shape = ir.Shape([sizes[dim] if isinstance(dim, str) else dim for dim in dims])
    return save(model, folder / "fixed.onnx", verify=False)


def shape_notes(path: Path, names: Sequence[str] = ()) -> tuple[str, ...]:
    """What to feed, in a sentence: the inputs in order, by the names that the file gives them."""
    values = [value for value in load(path).graph.inputs if value.shape is not None]
    words: list[str] = []
    for place, value in enumerate(values):
        sizes = " × ".join(str(size) for size in value.shape or ())
        own = names[place] if place < len(names) else value.name
        words.append(f"{own} {'' if own == value.name else f'({value.name}) '}is {sizes}")
    channels = any(len(value.shape or ()) == 4 for value in values)
    layout = ", with the axes in the order of the network" + (" (channels first in pictures)" if channels else "")
    return (f"All sizes are fixed{layout}: {', '.join(words)}.",) if words else ()


def size_notes(files: Sequence[Path], network: Path) -> tuple[str, ...]:
    """Whether the written files are larger than the network was."""
    mine, before = _bytes(files), _bytes(sorted(network.parent.glob(f"{network.name}*")))
    if mine <= LARGER * before:
        return ()
    return (f"It takes {_words(mine)}; in ONNX this network takes {_words(before)}.",)


def _bytes(files: Sequence[Path]) -> int:
    found = [inside for path in files for inside in (path.rglob("*") if path.is_dir() else (path,))]
    return sum(path.stat().st_size for path in found if path.is_file())


def _words(count: int) -> str:
    return f"{count / 1e6:.2f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


@contextmanager
def silent() -> Generator[None]:
    """Keep what a converter prints and logs away: stdout belongs to results, and what matters is said in a sentence."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            with contextlib.redirect_stderr(io.StringIO()):
                yield
    finally:
        logging.disable(level)
