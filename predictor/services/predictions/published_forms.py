"""Published forms: a page with a secret link, by which everybody who has it can predict without an account.

Only the SHA-256 digest of the link's token is stored, so it is shown once. docs/adr/0030-published-forms.md says what
such a page may do and show.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils import timezone

from ...errors import Conflict, Gone, InvalidInput, InvalidRows, NotFound, NotServable, quoted, quoted_list
from ...ml.types.field_settings import FieldSettings
from ...ml.types.schema import Task
from ...models import CHAMPION, ModelVersion, PredictionSource, PublishedForm, Shows, uuid7
from .. import registry
from ..registry import form_settings
from . import prediction
from .options import Caller, PredictionOptions
from .prediction import PredictionResponse

if TYPE_CHECKING:
    from ...models import RegisteredModel, User

N_RANDOM_BYTES = 32  # 256 bits, written as 43 URL-safe characters
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{43}")
ORIGIN = re.compile(r"https?://[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(:[0-9]{1,5})?")
MAX_TITLE, MAX_WORDING, MAX_ORIGINS, MAX_PER_MINUTE = 120, 4_000, 10, 10_000
PER_MINUTE, PER_MINUTE_OF_ADDRESS = 300, 30
# With the link a page could be found again; many open ones nobody keeps in view.
MAX_FORMS = 100
NONE_FOUND = "There is no such page. Check the link, or ask whom you have it from."


@dataclass(frozen=True)
class NewForm:
    """What a published form is created with; see `PublishedForm`."""

    title: str
    wording: str = ""
    version: str = CHAMPION
    columns: tuple[str, ...] = ()
    shows: str = Shows.ANSWER
    expires_at: datetime | None = None
    requests_per_minute: int = PER_MINUTE
    requests_per_minute_of_address: int = PER_MINUTE_OF_ADDRESS
    frame_origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class CreatedForm:
    """A new published form and the token of its link. The token is shown only once."""

    form: PublishedForm
    token: str


def create(*, registered_model: RegisteredModel, new: NewForm, by: User) -> CreatedForm:
    """Publish a form of the model. Raises InvalidInput, NotFound (no such version), Conflict for too many."""
    version = registry.version_of(registered_model, new.version)
    _check(new, version)
    if registered_model.published_forms.filter(revoked_at=None).count() >= MAX_FORMS:
        raise Conflict(f"A model may have {MAX_FORMS} published forms; revoke one that is not needed.")
    token = secrets.token_urlsafe(N_RANDOM_BYTES)
    form = PublishedForm(
        registered_model=registered_model,
        prefix=token[:6],
        digest=digest_of(token),
        version=str(new.version),
        title=_title(new.title),
        wording=new.wording.strip(),
        columns=list(new.columns),
        shows=new.shows,
        expires_at=new.expires_at,
        requests_per_minute=new.requests_per_minute,
        requests_per_minute_of_address=new.requests_per_minute_of_address,
        frame_origins=list(dict.fromkeys(new.frame_origins)),
        created_by=by,
    )
    form._history_user = by
    form.save(force_insert=True)
    return CreatedForm(form, token)


def change(*, form: PublishedForm, by: User | None, **changes: Any) -> None:
    """Change what the page says, asks for and allows; its link stays. `changes`: fields of `NewForm`.

    Raises InvalidInput, NotFound (no such version), Conflict for one that is revoked.
    """
    if form.revoked_at is not None:
        raise Conflict("This link is revoked for good; publish the form again under a new one.")
    stored = NewForm(
        title=form.title,
        wording=form.wording,
        version=form.version,
        columns=tuple(form.columns),
        shows=form.shows,
        expires_at=form.expires_at,
        requests_per_minute=form.requests_per_minute,
        requests_per_minute_of_address=form.requests_per_minute_of_address,
        frame_origins=tuple(form.frame_origins),
    )
    new = replace(stored, **changes)
    version = registry.version_of(form.registered_model, new.version)
    # A page that has ended may be changed without another end.
    _check(new if new.expires_at != form.expires_at else replace(new, expires_at=None), version)
    form.title, form.wording, form.version = _title(new.title), new.wording.strip(), str(new.version)
    form.columns, form.shows, form.expires_at = list(new.columns), new.shows, new.expires_at
    form.requests_per_minute = new.requests_per_minute
    form.requests_per_minute_of_address = new.requests_per_minute_of_address
    form.frame_origins = list(dict.fromkeys(new.frame_origins))
    form._history_user = by
    form.save(update_fields=[each.name for each in fields(NewForm)])


def switch(*, form: PublishedForm, is_on: bool, by: User | None) -> None:
    """Switch the page off, or on again. Raises Conflict for one that is revoked."""
    if form.revoked_at is not None:
        raise Conflict("This link is revoked for good; publish the form again under a new one.")
    if form.is_on != is_on:
        form.is_on, form._history_user = is_on, by
        form.save(update_fields=["is_on"])


def revoke(*, form: PublishedForm, by: User | None) -> None:
    """End the link for good, at once. A second call changes nothing."""
    if form.revoked_at is None:
        form.revoked_at, form._history_user = timezone.now(), by
        form.save(update_fields=["revoked_at"])


def form_of(token: str) -> PublishedForm:
    """The form of this token, with model and workspace. Raises NotFound; Gone when it no longer answers."""
    form = None
    if WELL_FORMED.fullmatch(token):
        rows = PublishedForm.objects.select_related("registered_model__workspace")
        form = rows.filter(digest=digest_of(token)).first()
    if form is None:
        raise NotFound(NONE_FOUND)
    if not form.is_open:
        raise Gone("This page is closed. Ask whom you have the link from.")
    return form


def version_of(form: PublishedForm) -> ModelVersion:
    """The version that answers now. Raises NotServable with words for people who know nothing of versions."""
    try:
        version = registry.version_of(form.registered_model, form.version)
    except NotFound:
        raise _unavailable() from None
    if version.is_archived or version.signature.task is Task.FORECASTING:
        raise _unavailable()
    return version


def asked_columns(form: PublishedForm, version: ModelVersion, settings: FieldSettings) -> list[str]:
    """The columns that the page asks for, in the order of the signature; fixed ones are never asked for."""
    chosen = set(form.columns) or set(version.signature.names)
    return [name for name in version.signature.names if name in chosen and not settings.of(name).is_fixed]


def predict(*, form: PublishedForm, version: ModelVersion, row: Mapping[str, Any]) -> PredictionResponse:
    """Predict and log one row. The columns that the page does not ask for get their fixed values, whatever was sent.

    The request id is ours: one from the caller could be that of somebody else's request in the log.
    Raises InvalidRows and what `predictions.predict` raises.
    """
    settings = form_settings.of(form.registered_model)
    asked = asked_columns(form, version, settings)
    fixed = settings.fixed(version.signature, asked)
    whole = {**{name: row.get(name) for name in asked}, **fixed}
    if problems := settings.problems(whole, asked):
        raise InvalidRows("Some values are not allowed here.", problems=problems)
    answer = prediction.predict(
        registered_model=form.registered_model,
        rows=[whole],
        options=PredictionOptions(
            version=version.number, explain=form.shows == Shows.EXPLANATION, is_lenient=True
        ),
        caller=Caller(None, PredictionSource.LINK, request_id=f"link-{form.pk}-{uuid7().hex}"),
    )
    PublishedForm.objects.filter(pk=form.pk).update(n_uses=F("n_uses") + 1, last_used_at=timezone.now())
    return answer


def digest_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _unavailable() -> NotServable:
    return NotServable("No model answers on this page now. Try again later.")


def _title(text: str) -> str:
    title = " ".join(text.split())
    if not title or len(title) > MAX_TITLE or not title.isprintable():
        raise InvalidInput(f"Give the page a title of 1 to {MAX_TITLE} characters.", field="title")
    return title


def _check(new: NewForm, version: ModelVersion) -> None:
    """Raises InvalidInput for the first fault."""
    _title(new.title)
    if version.signature.task is Task.FORECASTING:
        raise InvalidInput("A forecast has no form for one row, so it cannot be published.", field="version")
    if len(new.wording) > MAX_WORDING:
        raise InvalidInput(
            f"The wording may have {MAX_WORDING:,} characters.", field="wording", limit=MAX_WORDING
        )
    if any(not each.isprintable() and each not in "\r\n\t" for each in new.wording):
        raise InvalidInput("The wording has characters that cannot be shown.", field="wording")
    if new.shows not in Shows.values:
        raise InvalidInput(f"What is shown is one of {quoted_list(Shows.values)}.", field="shows")
    if unknown := [name for name in new.columns if name not in version.signature.names]:
        raise InvalidInput(f"Version {version.number} has no column {quoted_list(unknown)}.", field="columns")
    if new.expires_at is not None and new.expires_at <= timezone.now():
        raise InvalidInput("The page would expire in the past; choose a later time.", field="expires_at")
    for name in ("requests_per_minute", "requests_per_minute_of_address"):
        if not 1 <= getattr(new, name) <= MAX_PER_MINUTE:
            raise InvalidInput(
                f"Allow 1 to {MAX_PER_MINUTE:,} requests a minute.", field=name, limit=MAX_PER_MINUTE
            )
    _check_origins(new.frame_origins)


def _check_origins(origins: Iterable[str]) -> None:
    """Whole origins only: they become a header, and a wildcard would let every site embed the page."""
    origins = list(origins)
    if len(origins) > MAX_ORIGINS:
        raise InvalidInput(f"Name at most {MAX_ORIGINS} origins.", field="frame_origins", limit=MAX_ORIGINS)
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise InvalidInput(
                f"An origin is written as https://intranet.example.org; got {quoted(origin)}.",
                field="frame_origins",
            )
