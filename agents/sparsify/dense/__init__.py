"""No weight goes: what the others are compared with."""
