from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

# The admin panel has no door of its own: sign-in, lockout and the second step are those of the site.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("predictor.web.urls")),
    path("", include("predictor.api.urls")),
    path("", include("predictor.serve.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
