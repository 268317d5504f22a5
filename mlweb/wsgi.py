import os

import django

from mlweb.supervised import end_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlweb.settings")
IS_SUPERVISED = bool(os.environ.get("MLWEB_IS_SUPERVISED"))

if IS_SUPERVISED:
    end_with_parent()

django.setup(set_prefix=False)

from mlweb.fast_path import FastPathHandler  # noqa: E402 (its imports need Django to be set up)

application = FastPathHandler()

if IS_SUPERVISED:
    from mlweb import worker

    worker.begin(application.requests)
