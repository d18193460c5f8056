"""The flow as values: positions, outcomes, and what components ask a request for."""
