from django import forms


class StepForm(forms.Form):
    """What every page of the site asks, and how it is to behave."""

    name = forms.CharField()
    #: How long the effect takes, in milliseconds.
    delay = forms.IntegerField(required=False, min_value=0, max_value=5000)
    #: The name of a place at which the effect waits for another that is there at the same time.
    meet = forms.SlugField(required=False)
    hidden = forms.CharField(required=False, widget=forms.HiddenInput)


class LoginForm(StepForm):
    password = forms.CharField(required=False, widget=forms.PasswordInput)
