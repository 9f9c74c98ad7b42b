from django.conf import settings
from django.urls import path

from pages.views import front

urlpatterns = [path("", front)]
if "visits" in settings.INSTALLED_APPS:
    from visits.views import visits

    urlpatterns.append(path("visits/", visits))
