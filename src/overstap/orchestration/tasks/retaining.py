"""Tasks at the end of a region's morning: erasure after the retention period, and publication of the checkpoint."""

from airflow.sdk.exceptions import AirflowSkipException

from overstap.orchestration.round_context import bare_workplace, say


def retain(region: str, school_year: str) -> dict[str, int]:
    """Erase what is due in all rounds that the region ever had, as its present agreement says.

    Raises:
        AirflowSkipException: the agreement says nothing about it, so nothing is erased by itself.
    """
    from overstap.rounds import retaining

    with bare_workplace() as context:
        done = retaining.retain(context, region, school_year)
        if done is None:
            raise AirflowSkipException(
                "In de afspraken staat geen bewaartermijn (retention). Er wordt niets vanzelf verwijderd."
            )
    say("Verwijderd | erased", done)
    return dict(done)


def hand_out(region: str, school_year: str) -> dict[str, int]:
    """Sign a checkpoint over the audit chain so far, and publish it: file, time stamp, mail.

    Raises:
        AirflowSkipException: no means of publication is configured.
    """
    from overstap.rounds import publication

    with bare_workplace() as context:
        done = publication.publish_checkpoint(context, region)
        if done is None:
            raise AirflowSkipException(
                "OVERSTAP_CHECKPOINTS en OVERSTAP_CHECKPOINT_MAIL zijn niet ingesteld: er gaat geen controlepunt weg."
            )
    say("Uitgegeven | handed out", done)
    return dict(done)
