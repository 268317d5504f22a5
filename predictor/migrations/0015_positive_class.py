from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("predictor", "0014_which_addresses_are_proved"),
    ]

    operations = [
        migrations.AddField(
            model_name="trainingrun",
            name="positive_class",
            field=models.CharField(
                blank=True, default="", help_text="Of two classes; empty: the proposed one.", max_length=200
            ),
        ),
    ]
