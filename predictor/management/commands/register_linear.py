from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from ...errors import MlwebError
from ...models import Workspace
from ...services import registry
from ..base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Register a linear model from its coefficients: intercept + Σ coefficient · feature."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", required=True, help="The registered model; made when there is none.")
        parser.add_argument("--coef", required=True, nargs="+", type=float, metavar="NUMBER")
        parser.add_argument("--intercept", default=0.0, type=float, metavar="NUMBER")
        parser.add_argument("--feature", nargs="+", metavar="NAME", help="Feature names; else x1, x2, …")
        parser.add_argument("--workspace", default="default", help="Its short name.")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["workspace"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace “{options['workspace']}”.")
        try:
            version = registry.register_linear(
                workspace=workspace,
                name=options["name"],
                coefficients=options["coef"],
                intercept=options["intercept"],
                feature_names=options["feature"],
                by=None,
            )
        except MlwebError as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"{version.registered_model.slug} version {version.number}")
