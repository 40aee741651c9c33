"""A network as a differentiable torch module with the names of its ONNX graph, and training on it."""
