"""Instance discrimination, of whole pictures and place by place."""
