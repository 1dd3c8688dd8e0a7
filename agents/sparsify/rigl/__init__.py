"""Dynamic sparse training: RigL and SET."""
