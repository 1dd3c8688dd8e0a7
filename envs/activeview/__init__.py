"""Active view selection: where to photograph next, with a radiance field as the referee."""
