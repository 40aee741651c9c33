"""What the user saves: pipelines, projects, edits, history and files. Plain values; no torch, no window."""
