"""The desktop window. Its process imports neither torch nor onnx nor onnxruntime."""
