from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("predictor", "0025_actuals"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="weight_column",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Says how much each row counts; empty: all the same.",
                max_length=200,
            ),
        ),
    ]
