"""From a request to a response: the views, the pages that are no action's, routing, checks of definitions."""
