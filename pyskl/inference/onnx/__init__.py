"""A recognizer and its test pipeline as one ONNX graph."""
