"""The command `samples`: bundled models and data to try things with."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Any

from compress_studio.base.errors import BadInput, UserError
from compress_studio.base.paths import resource, scratch_dir
from compress_studio.cli.console import columns_of_stdout, table, write, write_json
from compress_studio.project.samples import read_index


def command(options: argparse.Namespace) -> int:
    """List the samples, or copy one."""
    samples = read_index()
    if options.name is None:
        if options.out is not None:
            raise BadInput("--out needs the name of a sample.", f"The samples: {', '.join(samples)}.")
        _list(list(samples.values()), as_json=options.json)
        return 0
    sample = samples.get(options.name)
    if sample is None:
        raise BadInput(f"There is no sample {options.name}.", f"The samples: {', '.join(samples)}.")
    folder = Path(options.out or options.name)
    files = copy_sample(sample, folder)
    words = run_words(sample, folder)
    if options.json:
        write_json({"ok": True, "sample": sample, "files": [str(path) for path in files], "run": words})
    else:
        write("\n".join(str(path) for path in files))
        write(f"\nTry it:\n  {' '.join(words)}")
    return 0


def copy_sample(sample: dict[str, Any], folder: Path) -> list[Path]:
    """Copy the files of a sample to a folder, all or none; a file that is there already is never overwritten."""
    targets = [folder / Path(name).name for name in sample["files"]]
    for target in targets:
        if target.exists():
            raise BadInput(f"{target} is there already.", "Choose another folder with --out.")
    made = not folder.exists()
    done: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with scratch_dir(folder) as stage:
            for name, target in zip(sample["files"], targets, strict=True):
                shutil.copyfile(resource("samples") / name, stage / target.name)
            for target in targets:
                (stage / target.name).rename(target)
                done.append(target)
    except OSError as error:
        for target in done:
            target.unlink(missing_ok=True)
        if made and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
        cause = error.strerror or str(error)
        kind = BadInput if isinstance(error, NotADirectoryError | FileExistsError) else UserError
        raise kind(f"{folder} cannot be written: {cause}.", "Choose another folder with --out.") from None
    return targets


def run_words(sample: dict[str, Any], folder: Path) -> list[str]:
    """The command that runs a copied sample through its steps."""
    import shlex

    words = ["compress-studio", "run", shlex.quote(str(folder / Path(sample["model"]).name))]
    for step in sample["steps"]:
        words += ["--step", shlex.quote(step)]
    return [*words, "--data", shlex.quote(str(folder / Path(sample["data"]).name))]


def _list(samples: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        write_json({"samples": samples})
        return
    write(
        table(
            [("name", "title", "description"), *((s["name"], s["title"], s["description"]) for s in samples)],
            left=(0, 1, 2),
            columns=columns_of_stdout(),
        )
    )
    write("\n" + "\n".join(f"{one['name']}: {one['licence']}" for one in samples))
    write("\nCopy one to a folder: compress-studio samples NAME --out DIR")
