from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("predictor", "0023_trash_of_datasets"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="monotone",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Columns that the prediction may follow in one direction only: {column: increasing or decreasing}.",
            ),
        ),
    ]
