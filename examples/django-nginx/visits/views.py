from django.http import HttpResponse

from visits.models import Visit


def visits(request):
    """GET: how many there were; POST: one more."""
    if request.method == "POST":
        Visit.objects.create()
    return HttpResponse(f"{Visit.objects.count()} visits\n", content_type="text/plain")
