"""Django settings. Environment variables of operators are read here and nowhere else.

A bad value fails at start with the variable's name. `README.md` holds the table of variables.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from environs import Env, validate

from mlweb import logs
from mlweb.data_folder import make_folders, secret_key_from
from predictor.i18n import languages

env = Env()
positive, not_negative = validate.Range(min=1), validate.Range(min=0)
BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where state lives -------------------------------------------------------------------------------------
DATA_DIR = Path(env.str("MLWEB_DATA_DIR", default=str(BASE_DIR / "var"))).resolve()
ARTIFACT_DIR = DATA_DIR / "artifacts"
WORK_DIR = DATA_DIR / "work"
UPLOAD_DIR = DATA_DIR / "uploads"
# Files are their owner's alone, should somebody open the folder.
os.umask(0o077)
make_folders(DATA_DIR, ARTIFACT_DIR, WORK_DIR, UPLOAD_DIR)

# --- Where it listens --------------------------------------------------------------------------------------
HOST = env.str("MLWEB_HOST", default="127.0.0.1")
PORT = env.int("MLWEB_PORT", default=8000, validate=validate.Range(min=1, max=65_535))
WEB_WORKERS = env.int("MLWEB_WEB_WORKERS", default=2, validate=positive)
# Started on demand. Most of them only wait, for the body of a slow client or for a place to predict. With 8 threads,
# ten clients that sent a byte a second blocked all others.
WEB_THREADS = env.int("MLWEB_WEB_THREADS", default=256, validate=positive)
# After SIGTERM, the server answers for so long and reports itself as not ready to load balancers.
DRAIN_SECONDS = env.int("MLWEB_DRAIN_SECONDS", default=0, validate=validate.Range(min=0, max=600))
USES_HTTPS = env.bool("MLWEB_HTTPS", default=False)
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("MLWEB_ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", HOST])
CSRF_TRUSTED_ORIGINS = env.list("MLWEB_TRUSTED_ORIGINS", default=[])
SECRET_KEY = env.str("SECRET_KEY", default="") or secret_key_from(DATA_DIR / "secret_key")

# --- Limits ------------------------------------------------------------------------------------------------
MAX_UPLOAD_BYTES = env.int("MLWEB_MAX_UPLOAD_BYTES", default=5 * 1024**3, validate=positive)
MAX_BODY_BYTES = env.int("MLWEB_MAX_BODY_BYTES", default=10 * 1024**2, validate=positive)
MAX_TABLE_COLUMNS = env.int("MLWEB_MAX_TABLE_COLUMNS", default=1_000, validate=positive)
MAX_TABLE_ROWS = env.int("MLWEB_MAX_TABLE_ROWS", default=50_000_000, validate=positive)
MAX_CELL_BYTES = env.int("MLWEB_MAX_CELL_BYTES", default=64 * 1024, validate=positive)
MAX_PREDICTION_ROWS = env.int("MLWEB_MAX_PREDICTION_ROWS", default=10_000, validate=positive)
MAX_EXPLAINED_ROWS = env.int("MLWEB_MAX_EXPLAINED_ROWS", default=200, validate=positive)
MAX_PREDICTION_CSV_ROWS = env.int("MLWEB_MAX_PREDICTION_CSV_ROWS", default=1_000_000, validate=positive)
MAX_BATCH_ROWS = env.int("MLWEB_MAX_BATCH_ROWS", default=50_000_000, validate=positive)
# How long the response to a request with an Idempotency-Key is stored.
IDEMPOTENCY_HOURS = env.int("MLWEB_IDEMPOTENCY_HOURS", default=24, validate=validate.Range(min=1, max=8_760))
MAX_JSON_DEPTH = env.int("MLWEB_MAX_JSON_DEPTH", default=20, validate=positive)
INGEST_MEMORY_MB = env.int("MLWEB_INGEST_MEMORY_MB", default=256, validate=positive)
INGEST_TIMEOUT_SECONDS = env.int("MLWEB_INGEST_TIMEOUT_SECONDS", default=900, validate=positive)
# durable: a response is sent after its rows are committed; buffered: at once, and a thread commits the rows later.
PREDICTION_LOG = env.str(
    "MLWEB_PREDICTION_LOG", default="durable", validate=validate.OneOf(["durable", "buffered"])
)
# 0 keeps the log forever.
LOG_RETENTION_DAYS = env.int(
    "MLWEB_LOG_RETENTION_DAYS", default=0, validate=validate.Range(min=0, max=36_500)
)
# How long the hourly summary of the log is kept, at most about 2 KB for each version and hour; 0 for good.
SUMMARY_RETENTION_DAYS = env.int(
    "MLWEB_SUMMARY_RETENTION_DAYS", default=800, validate=validate.Range(min=0, max=36_500)
)
# With less, the server reports itself as not ready.
MIN_FREE_DISK_MB = env.int("MLWEB_MIN_FREE_DISK_MB", default=100, validate=not_negative)
# For each web process: predictions at once, requests that may wait for a place, and how long; then 503.
PREDICTIONS_AT_ONCE = env.int("MLWEB_PREDICTIONS_AT_ONCE", default=16, validate=positive)
PREDICTIONS_WAITING = env.int("MLWEB_PREDICTIONS_WAITING", default=192, validate=not_negative)
PREDICTION_WAIT_MS = env.int("MLWEB_PREDICTION_WAIT_MS", default=250, validate=not_negative)
# For each API token that has no limit of its own; 0 for none.
TOKEN_REQUESTS_PER_MINUTE = env.int(
    "MLWEB_TOKEN_REQUESTS_PER_MINUTE", default=120_000, validate=validate.Range(min=0, max=10_000_000)
)
# How long deleted datasets stay in the trash; 0 deletes them at once.
TRASH_DAYS = env.int("MLWEB_TRASH_DAYS", default=30, validate=validate.Range(min=0, max=3_650))
# What one workspace and one person may have unfinished and stored; 0 for no limit.
MAX_RUNS_PER_WORKSPACE = env.int("MLWEB_MAX_RUNS_PER_WORKSPACE", default=50, validate=not_negative)
MAX_RUNS_PER_PERSON = env.int("MLWEB_MAX_RUNS_PER_PERSON", default=20, validate=not_negative)
MAX_BATCHES_PER_WORKSPACE = env.int("MLWEB_MAX_BATCHES_PER_WORKSPACE", default=100, validate=not_negative)
MAX_BATCHES_PER_PERSON = env.int("MLWEB_MAX_BATCHES_PER_PERSON", default=50, validate=not_negative)
MAX_DATASETS_PER_WORKSPACE = env.int(
    "MLWEB_MAX_DATASETS_PER_WORKSPACE", default=10_000, validate=not_negative
)
MAX_STORED_MB_PER_WORKSPACE = env.int(
    "MLWEB_MAX_STORED_MB_PER_WORKSPACE", default=100_000, validate=not_negative
)
MAX_IDEMPOTENT_ANSWERS_PER_WORKSPACE = env.int(
    "MLWEB_MAX_IDEMPOTENT_ANSWERS_PER_WORKSPACE", default=100_000, validate=not_negative
)
PREDICTION_TIMEOUT_SECONDS = env.int("MLWEB_PREDICTION_TIMEOUT_SECONDS", default=30, validate=positive)
SERVED_VERSIONS_IN_MEMORY = env.int("MLWEB_SERVED_VERSIONS_IN_MEMORY", default=1_000, validate=positive)
SERVED_MEMORY_MB = env.int("MLWEB_SERVED_MEMORY_MB", default=512, validate=positive)

# --- Training ----------------------------------------------------------------------------------------------
TRAINING_BUDGET_SECONDS = env.int("MLWEB_TRAINING_BUDGET_SECONDS", default=60, validate=positive)
TRAINING_MAX_BUDGET_SECONDS = env.int("MLWEB_TRAINING_MAX_BUDGET_SECONDS", default=3_600, validate=positive)
TRAINING_HARD_LIMIT_SECONDS = env.int("MLWEB_TRAINING_HARD_LIMIT_SECONDS", default=7_200, validate=positive)
TRAINING_MEMORY_MB = env.int("MLWEB_TRAINING_MEMORY_MB", default=8_192, validate=positive)
TRAINING_THREADS = env.int("MLWEB_TRAINING_THREADS", default=max(1, os.cpu_count() or 1), validate=positive)
TRAINING_SLOTS = env.int("MLWEB_TRAINING_SLOTS", default=1, validate=positive)
# Further jobs of each kind, for workspaces that have none running: nobody waits behind somebody else's long job.
TURN_SLOTS = env.int("MLWEB_TURN_SLOTS", default=1, validate=not_negative)
BATCH_SLOTS = env.int("MLWEB_BATCH_SLOTS", default=1, validate=positive)
BATCH_HARD_LIMIT_SECONDS = env.int("MLWEB_BATCH_HARD_LIMIT_SECONDS", default=21_600, validate=positive)
BATCH_RESULT_DAYS = env.int("MLWEB_BATCH_RESULT_DAYS", default=7, validate=validate.Range(min=1, max=36_500))
# Parts of a report that a run had no time for are computed afterwards, when no run and no batch waits or runs.
COMPLETE_REPORTS = env.bool("MLWEB_COMPLETE_REPORTS", default=True)
COMPLETION_HARD_LIMIT_SECONDS = env.int(
    "MLWEB_COMPLETION_HARD_LIMIT_SECONDS", default=1_800, validate=positive
)
JOB_LEASE_SECONDS = env.int("MLWEB_JOB_LEASE_SECONDS", default=15, validate=positive)
JOB_SWEEP_SECONDS = env.int("MLWEB_JOB_SWEEP_SECONDS", default=5, validate=positive)
JOB_MAX_ATTEMPTS = env.int("MLWEB_JOB_MAX_ATTEMPTS", default=3, validate=positive)

# --- People ------------------------------------------------------------------------------------------------
ADMIN_EMAIL = env.str("MLWEB_ADMIN_EMAIL", default="admin@localhost.localdomain")
ADMIN_PASSWORD = env.str("MLWEB_ADMIN_PASSWORD", default="")
IS_SIGN_UP_OPEN = env.bool("MLWEB_SIGN_UP", default=False)

# The registered model behind the article's `POST /predict`: "workspace/slug".
ARTICLE_MODEL = env.str("MLWEB_ARTICLE_MODEL", default="default/article")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "django_htmx",
    "crispy_forms",
    "crispy_bootstrap5",
    "django_tables2",
    "simple_history",
    "predictor",
]

MIDDLEWARE = [
    "mlweb.fast_path.FastPathMiddleware",
    "mlweb.request_metrics.RequestMetricsMiddleware",
    "mlweb.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "mlweb.middleware.HttpsForProgramsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "mlweb.middleware.CompressPagesMiddleware",
    "mlweb.middleware.NoStoreMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "mlweb.middleware.LanguageMiddleware",
    "mlweb.middleware.UploadMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    # Inside of all: its page shows who is signed in.
    "mlweb.middleware.NotAllowedMiddleware",
]

ROOT_URLCONF = "mlweb.urls"
WSGI_APPLICATION = "mlweb.wsgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "predictor.web.pages.context.workspaces",
                "predictor.web.help.context.header",
            ],
            # Beside what they show, which uses the filters of `templatetags`.
            "libraries": {
                "charts": "predictor.web.charts.chart_tags",
                "help": "predictor.web.help.tags",
                "labels": "predictor.web.pages.labels",
            },
        },
    },
]

# --- Database ----------------------------------------------------------------------------------------------
DATABASES: dict[str, Any] = {
    "default": env.dj_db_url(
        "DATABASE_URL",
        default=f"sqlite:///{DATA_DIR / 'mlweb.sqlite3'}",
        conn_max_age=600,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Writers queue at BEGIN instead of failing in the middle: with the defaults, 259 of 4,306 concurrent
    # writes ended in "database is locked"; with these, none of 7,925.
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000;",
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Cache, jobs -------------------------------------------------------------------------------------------
CACHES: dict[str, Any] = {"default": env.dj_cache_url("CACHE_URL", default="locmem://")}
if CACHES["default"]["BACKEND"].endswith("LocMemCache"):
    # All processes have to count the wrong passwords together.
    CACHES["default"] = {"BACKEND": "mlweb.file_cache.FileCache", "LOCATION": str(DATA_DIR / "cache")}
if "redis" in CACHES["default"]["BACKEND"].lower():
    # Django's own serializer for Redis unpickles what it reads.
    CACHES["default"]["BACKEND"] = "django.core.cache.backends.redis.RedisCache"
    CACHES["default"]["OPTIONS"] = {"serializer": "mlweb.serializers.JSONCacheSerializer"}

# The rows hold the work; messages only notify workers. So a message may get lost or come twice.
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=f"sqla+sqlite:///{DATA_DIR / 'broker.sqlite3'}")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"connect_args": {"timeout": 20}}
    if CELERY_BROKER_URL.startswith("sqla+")
    else {"socket_timeout": 5, "socket_connect_timeout": 2}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A request never waits for the broker: the sweep repeats a lost notification.
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
# Fitting runs in child processes; the worker's threads only monitor them. Three more threads: one for completions of
# reports, two for the sweep.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = TRAINING_SLOTS + BATCH_SLOTS + TURN_SLOTS * 2 + 3
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
# In memory; the default scheduler stores a pickle on disk.
CELERY_BEAT_SCHEDULER = "celery.beat:Scheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep": {
        "task": "predictor.tasks.sweep",
        "schedule": JOB_SWEEP_SECONDS,
        "options": {"expires": 4 * JOB_SWEEP_SECONDS},
    },
    "tidy": {"task": "predictor.tasks.tidy", "schedule": 600, "options": {"expires": 600}},
    "prune": {"task": "predictor.tasks.prune", "schedule": 3_600, "options": {"expires": 3_600}},
    "summarize": {"task": "predictor.tasks.summarize", "schedule": 10, "options": {"expires": 10}},
}

# --- Files -------------------------------------------------------------------------------------------------
FILE_UPLOAD_TEMP_DIR = UPLOAD_DIR
# A page takes no file unless its view says so.
FILE_UPLOAD_HANDLERS = ["predictor.http.upload_handlers.NoFileHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Sign-in -----------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "predictor.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
# E-mail addresses entered by admins count as verified (see AccountAdapter); those entered at sign-up do not.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if IS_SIGN_UP_OPEN else "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGIN_ON_PASSWORD_RESET = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_ADAPTER = "predictor.web.accounts.accounts.AccountAdapter"
ACCOUNT_FORMS = {
    "change_password": "predictor.web.accounts.password_forms.ChangePasswordForm",
    "reset_password_from_key": "predictor.web.accounts.password_forms.ResetPasswordKeyForm",
}
ACCOUNT_SESSION_REMEMBER = True
# Five wrong passwords in five minutes lock an e-mail address; ten a minute lock an IP address.
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if env.bool("MLWEB_BEHIND_PROXY", default=False) else 0
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "mlweb"
# Otherwise nobody could turn MFA on without a mail server.
MFA_ALLOW_UNVERIFIED_EMAIL = True
EMAIL_BACKEND = env.str("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
# The address of this server in mails; without it, mails have no link.
PUBLIC_URL = env.str("MLWEB_PUBLIC_URL", default="").rstrip("/")

# --- Safety ------------------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = USES_HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = USES_HTTPS
# Health checks answer over http; other calls of programs are refused (HttpsForProgramsMiddleware).
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^api/", r"^serve/", r"^predict/?$"]
SECURE_HSTS_SECONDS = 31_536_000 if USES_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = USES_HTTPS
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("MLWEB_BEHIND_PROXY", default=False) else None
)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- REST API ----------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "predictor.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["predictor.http.json.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["predictor.http.json.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "predictor.api.pagination.PageNumberPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "predictor.http.problems.exception_handler",
    "PAGE_SIZE": 50,
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "mlweb",
    "DESCRIPTION": "Datasets, training runs, model versions and predictions.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "PREPROCESSING_HOOKS": ["predictor.api.schema.without_slashes"],
    "POSTPROCESSING_HOOKS": ["predictor.api.schema.with_problems"],
}

CRISPY_ALLOWED_TEMPLATE_PACKS = CRISPY_TEMPLATE_PACK = "bootstrap5"
DJANGO_TABLES2_TEMPLATE = "django_tables2/bootstrap5-responsive.html"

# One for each file in locale/, and English, in which the code is written.
LOCALE_PATHS = [languages.LOCALE]
LANGUAGES = languages.found()
# For who asks for no language that there is.
LANGUAGE_CODE = env.str(
    "MLWEB_LANGUAGE", default=languages.ENGLISH, validate=validate.OneOf([code for code, _ in LANGUAGES])
)
# Of the terminal, for commands.
TERMINAL_LOCALE = (
    env.str("LC_ALL", default="") or env.str("LC_MESSAGES", default="") or env.str("LANG", default="")
)
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SECURE = True, USES_HTTPS
LANGUAGE_COOKIE_SAMESITE = "Lax"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = ["mlweb.formats"]

# --- Logs and metrics --------------------------------------------------------------------------------------
LOG_FORMAT = env.str("LOG_FORMAT", default="line", validate=validate.OneOf(["line", "json"]))
# One line for each request; on by default with JSON, where a program collects them.
ACCESS_LOG = env.bool("MLWEB_ACCESS_LOG", default=LOG_FORMAT == "json")
# The bearer token for /metrics; without it, /metrics is 404.
METRICS_TOKEN = env.str("MLWEB_METRICS_TOKEN", default="")
LOG_LEVEL = env.str(
    "LOG_LEVEL", default="INFO", validate=validate.OneOf(list(logging.getLevelNamesMapping()))
)
LOGGING = logs.config(is_json=LOG_FORMAT == "json", level=LOG_LEVEL)
