"""One submission, done once: guarantees, transactions, the session of a login."""
