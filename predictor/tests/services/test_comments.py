from __future__ import annotations

import pytest

from predictor.errors import Conflict, Forbidden, InvalidInput
from predictor.models import Comment, Membership, ModelVersion, Notice, NoticeKind, User, Workspace
from predictor.services import comments, registry
from predictor.tests.conftest import person


@pytest.fixture
def version(workspace: Workspace, admin: User) -> ModelVersion:
    return registry.register_linear(
        workspace=workspace, name="churn", coefficients=[1.0], intercept=0.0, by=admin
    )


def test_comments_belong_to_one_row_each(version: ModelVersion, member: User) -> None:
    on_version = comments.add(target=version, text=" Good.\r\nShip it. ", by=member)
    on_model = comments.add(target=version.registered_model, text="Which data?", by=member)

    assert on_version.text == "Good.\nShip it."
    assert list(comments.of(version)) == [on_version]
    assert list(comments.of(version.registered_model)) == [on_model]
    assert on_version.workspace == version.registered_model.workspace


def test_those_who_take_part_are_told_but_not_the_author(
    workspace: Workspace, version: ModelVersion, admin: User, member: User, viewer: User
) -> None:
    other = person("other@example.org", workspace, "member")  # type: ignore[arg-type]
    comments.add(target=version, text="First", by=member)
    Notice.objects.all().delete()

    comments.add(target=version, text="Second", by=other)

    assert {each.user for each in Notice.objects.all()} == {admin, member}
    notice = Notice.objects.filter(user=member).get()
    assert (notice.kind, notice.model_version, notice.subject) == (NoticeKind.COMMENT, version, "churn 1")
    assert notice.detail == "other@example.org: Second"


def test_who_has_left_is_not_told(version: ModelVersion, admin: User, member: User) -> None:
    Membership.objects.filter(user=admin).delete()

    comments.add(target=version, text="Hello", by=member)

    assert not Notice.objects.exists()


def test_only_the_author_changes_and_admins_may_delete(
    workspace: Workspace, version: ModelVersion, admin: User, member: User
) -> None:
    other = person("other@example.org", workspace, "member")  # type: ignore[arg-type]
    comment = comments.add(target=version, text="Hello", by=member)

    for somebody in (admin, other):
        with pytest.raises(Forbidden):
            comments.edit(comment=comment, text="Bye", by=somebody)
    with pytest.raises(Forbidden):
        comments.delete(comment=comment, by=other)
    assert comments.edit(comment=comment, text="Bye", by=member).edited_at is not None
    comments.delete(comment=comment, by=admin)

    assert not Comment.objects.exists()


@pytest.mark.parametrize("text", ["", " \n ", "\0", "x" * 4_001])
def test_empty_and_long_texts_are_refused(version: ModelVersion, member: User, text: str) -> None:
    with pytest.raises(InvalidInput):
        comments.add(target=version, text=text, by=member)


def test_there_is_a_most(version: ModelVersion, member: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comments, "MAX_COMMENTS", 1)
    comments.add(target=version, text="One", by=member)

    with pytest.raises(Conflict):
        comments.add(target=version, text="Two", by=member)
