"""Hardware latency budgets: an analytic latency model, and worlds that spend milliseconds."""
