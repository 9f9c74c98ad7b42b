from django.conf import settings
from django.shortcuts import render
from greeting import greet


def front(request):
    context = {"greeting": greet(settings.SITE_NAME), "deployment": settings.DEPLOYMENT}
    return render(request, "pages/front.html", context)
