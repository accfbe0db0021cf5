# SPDX-License-Identifier: GPL-3.0-or-later
"""What people (api-reviews.md 2.2) and programs (3) say of commits, as answers show it."""

from __future__ import annotations

from typing import Any, Final

from trivium.forge.reviews.comments import Comment
from trivium.forge.reviews.commit_checks import Check

Json = dict[str, Any]

_STATUS_LABELS: Final = {
    "not_reviewed": "Not Reviewed",
    "approved": "Approved",
    "rejected": "Rejected",
    "under_review": "Under Review",
}


def comment_object(comment: Comment) -> Json:
    """A comment on a commit (api-reviews.md 2.2)."""
    status = comment.status
    line = comment.place.line if comment.place else None
    return {
        "comment_id": comment.id,
        "comment_text": comment.text,
        "comment_type": comment.kind,
        "comment_status": [] if status is None else {"status": status, "status_lbl": _STATUS_LABELS[status]},
        "comment_f_path": comment.place.path if comment.place else None,
        "comment_lineno": line,
        "comment_author": {
            "active": comment.author_active,
            "full_name_or_username": comment.author_name,
            "username": comment.author,
        },
        "comment_created_on": comment.created_on,
        "comment_resolved_by": comment.resolved_by,
        "pull_request_version": None,
        "comment_pull_request_id": None,
        "comment_commit_id": comment.revision,
        "comment_thread_id": comment.resolves or comment.id,
        "comment_state": comment.state,
        "comment_current_lineno": line,
        "comment_edited_on": comment.edited_on,
    }


def check_object(check: Check, raw_id: str) -> Json:
    """What a program says of a commit (api-reviews.md 3, set_commit_status)."""
    return {
        "commit_id": raw_id,
        "context": check.context,
        "state": check.state,
        "url": check.url,
        "description": check.description,
        "author": check.author,
        "updated_on": check.updated_on,
    }
