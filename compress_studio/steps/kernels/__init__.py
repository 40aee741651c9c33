"""The arithmetic of the steps, without the steps: arrays and graphs in, arrays and graphs out."""
