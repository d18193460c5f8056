"""Template tags: ``{% load flows %}``."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def link_to(context: template.Context, target: str, **query: Any) -> str:
    """Return the URL of what ``target`` names, seen from the page that is shown: ``{% link_to "card" %}``.

    It is the name of a component, or of its position, and what ``Action.link_to()`` takes. Further arguments are put
    into the query of the URL.
    """
    return str(context["view"].link_to(target, query))
