# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server does for somebody beside requests: repositories on their way, lists of jobs (system.md 2.8, 4)."""

from __future__ import annotations

from typing import Final

from trivium.access.levels import Level
from trivium.errors import Invalid
from trivium.forge.jobs import finding
from trivium.forge.jobs.job import State
from trivium.turns import Pace
from trivium.web.answers import Json, Page, Redirect
from trivium.web.forms import sentence
from trivium.web.registering import Who, view
from trivium.web.visit import PendingVisit, RepositoryVisit, Visit

_AGAIN: Final = "2"
"""Seconds until a page that shows progress is fetched again."""


@view(
    "GET",
    "/{repository}/repo_creating",
    needs=Level.READ,
    word="ReposController:repo_creating",
    users_only=True,
)
def creating(visit: RepositoryVisit | PendingVisit) -> Page | Redirect:
    """How far a repository is that is being created; where it exists, on to it. Works without a script."""
    if not isinstance(visit, PendingVisit):
        return Redirect(visit.url("summary.summary", visit.repository.name))
    job = visit.job
    headers = () if job.state.over else (("Refresh", _AGAIN),)
    return Page("jobs/creating.html", headers=headers, job=job, may_cancel=not job.state.over and not job.asked_to_end)


@view(
    "GET",
    "/{repository}/crepo_check",
    needs=Level.READ,
    word="ReposController:repo_check",
    users_only=True,
)
def check(visit: RepositoryVisit | PendingVisit) -> Json | Redirect:
    """`{"result": true}` when a repository has been created; where that failed, the first page tells why."""
    if not isinstance(visit, PendingVisit):
        return Json({"result": True})
    if not visit.job.state.over:
        return Json({"result": False})
    return Redirect(visit.url("home.home"), _told(visit))


def _told(visit: PendingVisit) -> str:
    name = visit.job.subject
    if visit.job.state is State.CANCELLED:
        return visit.text("The creation of %(name)s was cancelled.", name=name)
    why = visit.job.reason
    reason = visit.text(why.sentence, **why.values) if why else ""
    return visit.text("%(name)s could not be created: %(reason)s", name=name, reason=reason)


@view("GET", "/_admin/my_account/jobs", needs=Who.USER, word="MyAccountController:my_account_jobs")
def mine(visit: Visit) -> Page:
    """What the server does, or did, for whoever looks."""
    return _listed(visit, everybody=False)


@view("GET", "/_admin/jobs", needs=Who.SUPER_ADMIN, word="JobsController:index")
def everybody(visit: Visit) -> Page:
    """What the server does beside requests, for whomever."""
    return _listed(visit, everybody=True)


def _listed(visit: Visit, *, everybody: bool) -> Page:
    after = visit.query.get("after", "")
    wanted = [state for state in State if state.value == visit.query.get("state")]
    found = visit.ask(finding.listed, everybody=everybody, states=wanted, after=after)
    address = "jobs.everybody" if everybody else "jobs.mine"
    state = wanted[0].value if wanted else ""
    return Page(
        "jobs/jobs.html" if everybody else "jobs/mine.html",
        everybody=everybody,
        found=found,
        states=[one.value for one in State],
        chosen_state=state,
        address=address,
        newer=visit.url(address, state=state) if after else "",
        older=visit.url(address, state=state, after=found.older) if found.older else "",
    )


@view("POST", "/_admin/jobs/{job}/cancel", needs=Who.USER, word="JobsController:cancel", pace=Pace.SHORT)
def cancel(visit: Visit, job: str) -> Redirect:
    """Ask one's own job to end; super-admins anybody's."""
    wanted = visit.ask(finding.find, job)
    try:
        ended = finding.cancel(visit.site, visit.caller, wanted) is State.CANCELLED
        said = visit.text("Cancelled.") if ended else visit.text("It ends as soon as it can.")
    except Invalid:
        said = visit.text("It was over already.")
    return Redirect(_back(visit), said)


@view("POST", "/_admin/jobs/{job}/again", needs=Who.USER, word="JobsController:again", pace=Pace.SHORT)
def again(visit: Visit, job: str) -> Redirect:
    """Begin anew what failed or was cancelled."""
    wanted = visit.ask(finding.find, job)
    try:
        finding.retry(visit.site, visit.caller, wanted)
        said = visit.text("It begins again.")
    except Invalid as error:
        said = sentence(visit, error)
    return Redirect(_back(visit), said)


def _back(visit: Visit) -> str:
    return visit.url("jobs.everybody" if visit.form.get("all") and visit.caller.super_admin else "jobs.mine")
