"""Knowledge-CLIP, and what is left of it without one of its losses."""
