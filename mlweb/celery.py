"""The Celery application. The broker only rings the bell; the rows say what there is to do."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlweb.settings")

app = Celery("mlweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
