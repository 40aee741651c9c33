"""What a step, a meter and their parameters are: one declaration, many readers."""
