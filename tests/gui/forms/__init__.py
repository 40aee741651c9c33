"""Tests of forms and of the inspector."""
