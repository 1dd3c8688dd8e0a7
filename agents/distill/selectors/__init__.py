"""The paper's baselines and its controls: a small class each, variants as settings."""
