"""Journeys of more than one page for Django.

A project subclasses :class:`flows.components.Action` (one page, a ``FormView``) and
:class:`flows.components.Scaffold` (a group of them), registers the outermost scaffold, its *flow*,
with a :class:`flows.handler.FlowHandler` and includes the handler's URLs. What the visitor said is kept
on the server as a *task*, under an id in the URL.

Where to find what, from the bottom up. Each imports only from its own floor or a lower one, and no two import each
other:

0. ``exceptions``, ``config``
1. ``tree`` (positions, outcomes, and what the library asks of components), ``statestore`` (where tasks are kept),
   ``serializing`` (values as text and back), ``types``, ``binder`` (whose a task is), ``sessions``
2. ``journey`` (one visitor's way: the task, the route, answers, forms, links), ``transitions``, ``preconditions``
3. ``components`` (actions and scaffolds), ``engine`` (one submission, done once: its guarantees, and what it runs)
4. ``http`` (from a request to a response; pages, routing, checks of definitions)
5. ``handler``
6. ``apps``, ``models``, ``admin``, ``checks``, ``management``, ``migrations``, ``templates``,
   ``templatetags``, ``test``

A request is answered in ``http/views.py``. What it runs is in ``engine/run.py``, what counts for the visitor is in
``journey/route.py``.
"""

__version__ = "2.0.0"
