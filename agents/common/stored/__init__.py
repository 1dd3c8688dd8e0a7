"""Models that were trained elsewhere: `weights:` of a registered network, `onnx:` graphs."""
