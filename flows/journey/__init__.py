"""One visitor's way through a flow: task, route, answers, forms, links. No I/O."""
