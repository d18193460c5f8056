"""No URLs: each journey brings its own, see visitor.Urlconf."""

urlpatterns = []
