from __future__ import annotations

from typing import Any

from django.conf import settings

from ...services.accounts import first_start
from ..base import BaseCommand


class Command(BaseCommand):
    help = "Make the first admin and the workspace “default” where they are missing. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        admin = first_start.prepare(email=settings.ADMIN_EMAIL, password=settings.ADMIN_PASSWORD)
        if admin.password:
            self.stdout.write(
                framed(
                    "The first admin is made. This password is shown once:",
                    "",
                    f"    e-mail    {admin.email}",
                    f"    password  {admin.password}",
                    "",
                    f"A new one, should it get lost: .venv/bin/python manage.py changepassword {admin.email}",
                )
            )
        elif admin.is_new:
            self.stdout.write(
                f"The admin {admin.email} is made, with the password from MLWEB_ADMIN_PASSWORD."
            )


def framed(*lines: str) -> str:
    width = max(len(line) for line in lines)
    edge = "─" * (width + 2)
    return "\n".join(["", f"┌{edge}┐", *(f"│ {line.ljust(width)} │" for line in lines), f"└{edge}┘", ""])
