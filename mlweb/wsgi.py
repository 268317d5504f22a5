import os

from django.core.wsgi import get_wsgi_application

from mlweb.supervised import end_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlweb.settings")
IS_SUPERVISED = bool(os.environ.get("MLWEB_IS_SUPERVISED"))

if IS_SUPERVISED:
    end_with_parent()

application = get_wsgi_application()

if IS_SUPERVISED:
    from mlweb import worker

    worker.begin()
