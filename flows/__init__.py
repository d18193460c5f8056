"""Journeys of more than one page for Django.

A project subclasses :class:`flows.components.Action` (one page, a ``FormView``) and
:class:`flows.components.Scaffold` (a group of them), registers the outermost scaffold, its *flow*,
with a :class:`flows.handler.FlowHandler` and includes the handler's URLs. What the visitor said is kept
on the server as a *task*, under an id in the URL.

The modules, from the bottom up; each imports only from its own layer or a lower one:

0. ``exceptions``, ``config``
1. ``declarations``, ``components``, ``forms``, ``outcomes``, ``positions``, ``definition``, ``transitions``,
   ``preconditions`` (what a project writes, as a tree of places), ``task``, ``results``, ``choices`` and ``answers``
2. ``types``, ``statestore``, ``models``, ``binder``, ``sessions``, ``session_snapshot`` (where tasks are kept, and
   whose they are)
3. ``submission``, ``sensitive``, ``new_session``, ``ids``, ``links``, ``opening``, ``navigation``, ``progress``,
   ``execution`` (a task at a position, for one request)
4. ``pages``, ``transactions``, ``guarantees``, ``executor``, ``routing``, ``handler`` (from a request to a response)
5. ``apps``, ``checks``, ``databases``, ``admin``, ``management``, ``migrations``, ``templates``, ``test``
"""

__version__ = "2.0.0"
