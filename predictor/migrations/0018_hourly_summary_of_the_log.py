import django.db.models.deletion
import uuid
from django.db import migrations, models

# A row that is inserted at or below `closed_to` is noted: the count has passed its place. The database does it, so that
# no writer can forget it, in the same transaction, and for rows that ON CONFLICT left out not at all.
SQLITE = """
CREATE TRIGGER predictor_note_late_row AFTER INSERT ON predictor_predictionlog
WHEN NEW.id <= (SELECT closed_to FROM predictor_logsummarystate WHERE id = 1)
BEGIN
    INSERT OR IGNORE INTO predictor_latelogrow (id) VALUES (NEW.id);
END
"""
# One trigger for each statement: a group commit inserts up to 200 rows in one. A plpgsql function that may change data
# takes a new snapshot for its query, after the transaction has got its number; see services/prediction_log/summary.py.
POSTGRESQL = """
CREATE FUNCTION predictor_note_late_rows() RETURNS trigger LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    INSERT INTO predictor_latelogrow (id)
    SELECT id FROM inserted WHERE id <= (SELECT closed_to FROM predictor_logsummarystate WHERE id = 1)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER predictor_note_late_rows AFTER INSERT ON predictor_predictionlog
REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION predictor_note_late_rows();
"""
DROP = {
    "sqlite": "DROP TRIGGER predictor_note_late_row",
    "postgresql": "DROP TRIGGER predictor_note_late_rows ON predictor_predictionlog;"
    "DROP FUNCTION predictor_note_late_rows();",
}


def add_trigger(apps, schema_editor):
    schema_editor.execute(SQLITE if schema_editor.connection.vendor == "sqlite" else POSTGRESQL)


def drop_trigger(apps, schema_editor):
    schema_editor.execute(DROP[schema_editor.connection.vendor])


class Migration(migrations.Migration):
    dependencies = [
        ("predictor", "0017_completions"),
    ]

    operations = [
        migrations.CreateModel(
            name="LateLogRow",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
            ],
        ),
        migrations.CreateModel(
            name="LogSummaryState",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "counted_to",
                    models.UUIDField(
                        default=uuid.UUID("00000000-0000-0000-0000-000000000000"),
                        help_text="Rows up to this id are counted, but for late ones.",
                    ),
                ),
                (
                    "closed_to",
                    models.UUIDField(
                        default=uuid.UUID("00000000-0000-0000-0000-000000000000"),
                        help_text="A row up to this id that is inserted from now on is a LateLogRow too.",
                    ),
                ),
                (
                    "horizon",
                    models.BigIntegerField(
                        help_text="PostgreSQL: transactions before this one may not have seen `closed_to`.",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PredictionTotal",
            fields=[
                (
                    "model_version",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="prediction_total",
                        serialize=False,
                        to="predictor.modelversion",
                    ),
                ),
                (
                    "classes",
                    models.JSONField(default=list, help_text="The labels that are counted one by one."),
                ),
                (
                    "edges",
                    models.JSONField(
                        default=list, help_text="Inner edges of the score's bins; a bin holds its upper edge."
                    ),
                ),
                (
                    "positive_class",
                    models.CharField(blank=True, help_text="Whose probability is the score.", max_length=200),
                ),
                ("n_rows", models.PositiveBigIntegerField(default=0)),
                ("n_requests", models.PositiveBigIntegerField(default=0)),
                ("latency_ms_sum", models.FloatField(default=0.0)),
                ("last_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="PredictionHour",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField(help_text="When it begins, in UTC.")),
                (
                    "day",
                    models.PositiveIntegerField(
                        help_text="Its day in UTC, counted from 1 January 1970, for GROUP BY."
                    ),
                ),
                ("n_rows", models.PositiveBigIntegerField(default=0)),
                ("n_requests", models.PositiveBigIntegerField(default=0, help_text="A batch is one.")),
                (
                    "n_with_warnings",
                    models.PositiveBigIntegerField(default=0, help_text="Rows with at least one warning."),
                ),
                (
                    "n_errors",
                    models.PositiveBigIntegerField(default=0, help_text="Rows without a finite answer."),
                ),
                ("latency_ms_sum", models.FloatField(default=0.0, help_text="Over the requests.")),
                ("n_sure", models.PositiveBigIntegerField(default=0, help_text="Rows with probabilities.")),
                (
                    "sureness_sum",
                    models.FloatField(default=0.0, help_text="Of the largest probability of each row."),
                ),
                ("n_scores", models.PositiveBigIntegerField(default=0)),
                ("score_sum", models.FloatField(default=0.0)),
                ("score_square_sum", models.FloatField(default=0.0)),
                ("score_min", models.FloatField(null=True)),
                ("score_max", models.FloatField(null=True)),
                ("sources", models.JSONField(default=dict, help_text="{interface: rows}")),
                ("warnings", models.JSONField(default=dict, help_text="{code: rows}")),
                (
                    "classes",
                    models.JSONField(
                        default=list, help_text="Rows of each predicted class, then of all others."
                    ),
                ),
                ("bins", models.JSONField(default=list, help_text="Rows in each bin of the score.")),
                (
                    "model_version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prediction_hours",
                        to="predictor.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["model_version_id", "hour"],
                "indexes": [models.Index(fields=["hour"], name="prediction_hour_by_time")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("model_version", "hour"), name="prediction_hour_once_per_version"
                    )
                ],
            },
        ),
        migrations.RunPython(add_trigger, drop_trigger),
    ]
