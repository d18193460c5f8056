"""The form on each page of each contender."""

from django import forms


class PageForm(forms.Form):
    name = forms.CharField(max_length=100)
    email = forms.EmailField()
    number = forms.IntegerField(min_value=0)

    #: How many forms were validated in this process.
    validated = 0

    def full_clean(self):
        PageForm.validated += self.is_bound
        super().full_clean()


#: What every visitor says on every page, by the last part of a field's name.
ANSWERS = {"name": "Anna Lindqvist", "email": "anna.lindqvist@example.com", "number": "42"}


def is_asked(first):
    """Return whether the pages under a condition are shown, given what was said on the first page."""
    return bool(first) and first["number"] > 0
