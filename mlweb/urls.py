from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

# The admin panel has no sign-in of its own: it uses the site's, with its lockout and second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", include("predictor.web.urls")),
    path("", include("predictor.api.urls")),
    path("", include("predictor.serve.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
]
