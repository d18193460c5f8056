"""Types of a project's own whose values state and answers may hold."""

from .serializing.codec import register_type

__all__ = ["register_type"]
