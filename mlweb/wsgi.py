import os

from django.core.wsgi import get_wsgi_application

from mlweb.supervised import end_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlweb.settings")

if os.environ.get("MLWEB_IS_SUPERVISED"):
    end_with_parent()

application = get_wsgi_application()
