"""Runs pipelines: plans, keys, cache, workers, events. Knows no particular step, no network library and no window."""
