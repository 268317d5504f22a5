"""The Celery application. Messages of the broker only notify workers; the rows hold the work."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlweb.settings")

app = Celery("mlweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
