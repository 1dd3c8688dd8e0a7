"""Self-distillation from the last exit."""
