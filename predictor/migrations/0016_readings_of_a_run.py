from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('predictor', "0015_positive_class"),
    ]

    operations = [
        migrations.AddField(
            model_name='trainingrun',
            name='readings',
            field=models.JSONField(blank=True, default=dict, help_text='How categories are read: {column: {kind, ignores, missing}}.'),
        ),
    ]
