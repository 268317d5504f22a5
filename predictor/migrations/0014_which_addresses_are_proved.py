from django.db import migrations
from django.db.models import Count


def mark(apps, schema_editor):
    """Superusers, and people whom several workspaces have let in, keep what they have. An account of one workspace
    counts as made there."""
    users = apps.get_model("predictor", "User").objects
    memberships = apps.get_model("predictor", "Membership").objects
    users.filter(is_superuser=True).update(is_address_proved=True)
    counts = memberships.values("user_id").annotate(n=Count("id"))
    several = [row["user_id"] for row in counts.filter(n__gt=1)]
    for start in range(0, len(several), 500):
        users.filter(pk__in=several[start : start + 500]).update(is_address_proved=True)
    alone = counts.filter(n=1).values_list("user_id", flat=True)
    for user, workspace in memberships.filter(user_id__in=alone).values_list("user_id", "workspace_id"):
        users.filter(pk=user).update(made_in=workspace)


class Migration(migrations.Migration):

    dependencies = [
        ("predictor", "0013_proved_addresses"),
    ]

    operations = [
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
