"""The generated editor of one node's parameters."""
