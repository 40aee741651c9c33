"""What is asked before something of the user's could be lost."""

from __future__ import annotations

from compress_studio.gui.dialogs.asking import Option, Question

SAVE, DISCARD = "save", "discard"
REPLACE, NEW, ADD = "replace", "new", "add"
RESTORE = "restore"


def unsaved(name: str, doing: str) -> Question:
    """Before a project with changes goes away. doing: "closing", "opening another one"."""
    return Question(
        f"Save the changes in {name}?",
        f"The project has changes that are in no file yet. Without saving, {doing} loses them.",
        (Option(DISCARD, "Don't save"), Option(SAVE, "Save", primary=True)),
    )


def another_model(model: str, project: str) -> Question:
    """What to do with a model that is opened while a project with changes is open."""
    return Question(
        f"What should {model} be?",
        f"The project {project} is open and has changes.",
        (
            Option(REPLACE, "The model of this project", "Keep all steps and apply them to this model."),
            Option(NEW, "A new project", "Begin again with this model; the open project is closed."),
            Option(ADD, "Another model in this project", "Put it beside the first, as a teacher or to merge with."),
        ),
    )


def still_running() -> Question:
    """Before the window is closed while a run goes on."""
    return Question(
        "Stop the run and close?",
        "A run is going on. Finished steps are kept: the next run goes on from there.",
        (Option("stop", "Stop and close", primary=True),),
        cancel="Keep running",
    )


def recovered(title: str, when: str) -> Question:
    """After a crash, at the next start."""
    return Question(
        f"Restore {title}?",
        f"The program ended unexpectedly. The project was kept as it was at {when}; your own files were not touched.",
        (Option(DISCARD, "Discard"), Option(RESTORE, "Restore", primary=True)),
        cancel="Later",
    )
