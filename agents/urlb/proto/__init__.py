"""Prototypes of states (ProtoRL)."""
