"""The command `steps`: the steps there are, and the parameters of one."""

from __future__ import annotations

import argparse

from compress_studio.cli.console import columns_of_stdout, say, table, write, write_json


def command(options: argparse.Namespace) -> int:
    """List all steps, or show one."""
    from compress_studio.spec.render import as_json, as_text
    from compress_studio.spec.runtime import load_runtime

    steps = load_runtime().steps
    for broken in steps.broken:
        last = (broken.error.strip().splitlines() or ["unknown error"])[-1]
        say(f"warning: the plug-in {broken.name} of {broken.distribution} could not be loaded: {last}")
    if options.step is not None:
        spec = steps.get(options.step)
        if options.json:
            write_json(as_json(spec))
        else:
            write(as_text(spec))
    elif options.json:
        write_json({"steps": [{**as_json(spec), "origin": steps.origins[spec.id]} for spec in steps]})
    else:
        order = sorted(steps, key=lambda spec: (list(type(spec.group)).index(spec.group), spec.id))
        rows = [("step", "shelf", "what it does"), *((one.id, str(one.group), one.summary) for one in order)]
        write(table(rows, left=(0, 1, 2), columns=columns_of_stdout()))
        write("\nShow the parameters of one: compress-studio steps STEP_ID")
    return 0
