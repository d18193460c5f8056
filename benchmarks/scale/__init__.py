"""What it takes when there is much of it: visitors, tasks, flows."""
