"""Makes the app known to Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from . import config  # noqa: F401  (declares the defaults before anything can override them)


class FlowsAppConfig(AppConfig):
    name = "flows"
    label = "flows"
    verbose_name = _("Flows")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (registers them)
