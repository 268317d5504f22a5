from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import OperationalError, ProgrammingError
from django.utils import timezone

from ...errors import MlwebError, quoted, quoted_list
from ...models import Scope, User, Workspace
from ...services.accounts import tokens, workspaces
from ..base import BaseCommand, CommandError, CommandParser

NOT_SET_UP = (
    "There is no account yet. Start mlweb once (make run), or run manage.py migrate and manage.py bootstrap: "
    "that makes the first account."
)


class Command(BaseCommand):
    help = "Makes an API token for a person and prints it, alone, on the last line. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="whose token it is")
        parser.add_argument("--workspace", help="its short name; may be left out for a person with only one")
        parser.add_argument(
            "--scope", action="append", required=True, choices=Scope.values, help="may be given several times"
        )
        parser.add_argument("--name", default="command line", help="what will use it")
        parser.add_argument(
            "--expires-days", type=int, metavar="DAYS", help="without it the token has no end"
        )
        parser.add_argument(
            "--requests-per-minute",
            type=int,
            metavar="N",
            help="without it the installation's limit (MLWEB_TOKEN_REQUESTS_PER_MINUTE)",
        )

    def handle(self, **options: Any) -> None:
        days = options["expires_days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--expires-days has to be between 1 and 36500.")
        try:
            user = User.objects.filter(email__iexact=options["email"]).first()
            has_users = user is not None or User.objects.exists()
        except (OperationalError, ProgrammingError):
            raise CommandError(NOT_SET_UP) from None
        if user is None:
            raise CommandError(
                f"There is no account {quoted(options['email'])}." if has_users else NOT_SET_UP
            )
        try:
            created = tokens.create_token(
                user=user,
                workspace=self.workspace_of(user, options["workspace"]),
                name=options["name"],
                scopes=options["scope"],
                expires_at=timezone.now() + timedelta(days=days) if days is not None else None,
                requests_per_minute=options["requests_per_minute"],
            )
        except MlwebError as error:
            raise CommandError(error.message) from None
        self.stderr.write(
            f"A token of {user} for {created.token.workspace.slug}: {', '.join(created.token.scopes)}."
        )
        self.stdout.write(created.plaintext)

    def workspace_of(self, user: User, slug: str | None) -> Workspace:
        if slug:
            return workspaces.enter(user=user, slug=slug).workspace
        visible = list(Workspace.objects.visible_to(user).order_by("slug"))
        if len(visible) == 1:
            return visible[0]
        if not visible:
            raise CommandError(f"{user} is in no workspace.")
        raise CommandError(
            f"{user} is in several workspaces; say which by --workspace: {quoted_list(w.slug for w in visible)}."
        )
