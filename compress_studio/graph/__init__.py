"""The inside of a network, on onnx_ir; no torch."""
