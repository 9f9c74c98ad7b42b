from django.conf import settings
from django.shortcuts import render
from greeting import greet


WAYS = {"production": "through nginx from gunicorn", "development": "from runserver"}


def front(request):
    greeting = greet(settings.SITE_NAME, WAYS[settings.DEPLOYMENT])
    context = {"greeting": greeting, "deployment": settings.DEPLOYMENT}
    if "visits" in settings.INSTALLED_APPS:
        from visits.models import Visit

        context["visits"] = Visit.objects.count()
    return render(request, "pages/front.html", context)
