"""Charts over results and runs."""
