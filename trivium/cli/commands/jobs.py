# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium jobs` and `trivium worker`: what is done beside requests."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trivium.cli.opening import fail, opened, settings_of, table, with_data
from trivium.errors import Invalid, StartRefused

if TYPE_CHECKING:
    from trivium.forge.jobs.job import Job


@click.group()
def jobs() -> None:
    """What the server does beside requests: imports, forks, upkeep."""


@jobs.command("list")
@with_data
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["queued", "running", "done", "failed", "cancelled"]),
    help="Only jobs in this state; may be given several times.",
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
def jobs_list(data: Path, config: Path | None, states: tuple[str, ...], limit: int) -> None:
    """Show jobs, the newest first: id, state, progress, kind, subject, who asked, when, reason."""
    from trivium.access.caller import the_system
    from trivium.forge.jobs import finding
    from trivium.forge.jobs.job import State

    with opened(data, config) as site, site.store.read() as db:
        wanted = [State(state) for state in states]
        found = finding.listed(db, the_system(), everybody=True, states=wanted, limit=limit).jobs
    table(
        [
            (
                *(job.id, job.state, _progress(job), job.kind, job.subject, job.username, job.created_on),
                job.detail or (job.reason.english if job.reason else ""),
            )
            for job in found
        ]
    )


def _progress(job: Job) -> str:
    return "" if job.percent is None else f"{job.percent} %"


@jobs.command("show")
@with_data
@click.argument("job_id", metavar="ID")
def jobs_show(data: Path, config: Path | None, job_id: str) -> None:
    """Show all that is known of the job ID."""
    from trivium.access.caller import the_system
    from trivium.forge.jobs import finding

    with opened(data, config) as site, site.store.read() as db:
        job = finding.find(db, the_system(), job_id)
    progress = f"{job.done} of {job.total} {job.what}" if job.total else f"{job.done} {job.what}" if job.done else ""
    told = {
        "id": job.id,
        "kind": job.kind,
        "subject": job.subject,
        "state": job.state + (" (asked to end)" if job.asked_to_end and not job.state.over else ""),
        "progress": progress.strip(),
        "attempts": f"{job.attempts} of {job.most_attempts}",
        "asked by": f"{job.username} from {job.address}",
        "asked on": job.created_on,
        "begun on": job.started_on or "",
        "ended on": job.ended_on or "",
        "reason": job.reason.english if job.reason else "",
        "detail": job.detail if job.detail and (not job.reason or job.detail != job.reason.english) else "",
    }
    table([(f"{name}:", value or "") for name, value in told.items() if value])
    for line in job.log.splitlines():
        table([(line,)])


@jobs.command("cancel")
@with_data
@click.argument("job_id", metavar="ID")
def jobs_cancel(data: Path, config: Path | None, job_id: str) -> None:
    """Ask the job ID to end."""
    from trivium.access.caller import the_system
    from trivium.forge.jobs import finding
    from trivium.forge.jobs.job import State

    with opened(data, config) as site:
        with site.store.read() as db:
            job = finding.find(db, the_system(), job_id)
        state = finding.cancel(site, the_system(), job)
    click.echo("Cancelled." if state is State.CANCELLED else "Asked to end; it does as soon as it can.")


@jobs.command("retry")
@with_data
@click.argument("job_id", metavar="ID")
def jobs_retry(data: Path, config: Path | None, job_id: str) -> None:
    """Begin the job ID anew, which failed or was cancelled."""
    from trivium.access.caller import the_system
    from trivium.forge.jobs import finding

    with opened(data, config) as site:
        with site.store.read() as db:
            job = finding.find(db, the_system(), job_id)
        finding.retry(site, the_system(), job)
    click.echo("It begins again.")


@click.command()
@with_data
@click.option("--concurrency", type=click.IntRange(1, 64), default=2, show_default=True, help="Jobs at a time.")
@click.option("--beat", is_flag=True, help="Also see to what is done regularly, where no server does.")
def worker(data: Path, config: Path | None, concurrency: int, beat: bool) -> None:
    """Carry out the jobs of a queue in the foreground until SIGTERM; needs the extra `scale` and `use_celery`."""
    from trivium import installation
    from trivium.cli.logs import set_up_logging
    from trivium.jobs.broker import check_installed

    settings = settings_of(data, config)
    set_up_logging(settings.log_level)
    try:
        check_installed()
        if not settings.use_celery:
            raise Invalid("option use_celery is not set: the server does its jobs itself")
        with installation.opened(settings):
            pass  # it is ours, and its tables are those of this version
    except (StartRefused, Invalid) as error:
        fail(str(error))
    from trivium.assembly import open_site
    from trivium.jobs import worker as program

    sys.exit(
        program.run(
            settings,
            lambda: open_site(settings),
            concurrency=concurrency,
            beat=beat,
            on_ready=lambda: click.echo("Trivium's worker is ready"),
        )
    )
