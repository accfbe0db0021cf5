# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of events in words, and the names of what each of them notes (forge/events)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from trivium.language import Language, language


def sentence(spoken: Language, action: str) -> str:
    """What happened, in words; of kinds that only rows of other versions have, the journal's own name."""
    return _sentences(spoken.code).get(action, action)


def name_of_value(spoken: Language, name: str) -> str:
    """What a noted value is called."""
    return _names(spoken.code).get(name, name.replace("_", " "))


def role(spoken: Language, name: str) -> str:
    """What a key is for, as the pages of keys say it; what is no role stays."""
    return _roles(spoken.code).get(name, name)


@lru_cache(maxsize=8)
def _sentences(code: str) -> Mapping[str, str]:
    return _of_sentences(language(code).text)


@lru_cache(maxsize=8)
def _names(code: str) -> Mapping[str, str]:
    return _of_names(language(code).text)


@lru_cache(maxsize=8)
def _roles(code: str) -> Mapping[str, str]:
    text = language(code).text
    return {
        "token_role_all": text("Everything"),
        "token_role_http": text("Pages"),
        "token_role_vcs": text("Version control (git, hg, svn)"),
        "token_role_api": text("API"),
        "token_role_feed": text("Feeds"),
    }


def _of_sentences(text: Callable[[str], str]) -> Mapping[str, str]:
    return {
        "address.allow": text("allowed a range of addresses"),
        "address.forget": text("took a range of addresses back"),
        "attachment.add": text("uploaded a file for comments"),
        "changeset.comment": text("commented on a changeset"),
        "comment.delete": text("deleted a comment"),
        "comment.edit": text("edited a comment"),
        "commit.status": text("reported a check of a commit"),
        "email.add": text("added a mail address"),
        "email.ask": text("asked to confirm a mail address"),
        "email.remove": text("removed a mail address"),
        "event.try_again": text("had an event told once more"),
        "exception.report": text("reported what went wrong with a program"),
        "field.create": text("added an extra field to a repository"),
        "field.delete": text("removed an extra field from a repository"),
        "file.lock": text("locked a file"),
        "file.unlock": text("unlocked a file"),
        "gist.create": text("created a gist"),
        "gist.delete": text("deleted a gist"),
        "gist.update": text("changed a gist"),
        "job.cancel": text("cancelled a job"),
        "job.retry": text("began a job anew"),
        "password_reset.ask": text("asked to choose another password by mail"),
        "permission.global": text("set what somebody may create"),
        "permission.grant": text("gave a right"),
        "permission.overwrite": text("set everybody's rights on all objects"),
        "permission.revoke": text("took a right back"),
        "pull": text("fetched"),
        "push": text("pushed"),
        "remote.pull": text("updated a repository from another server"),
        "remote.pull_failed": text("failed to update a repository from another server"),
        "repo_group.create": text("created a repository group"),
        "repo_group.delete": text("deleted a repository group"),
        "repo_group.update": text("changed a repository group"),
        "repository.archive": text("archived or opened a repository"),
        "repository.create": text("created a repository"),
        "repository.delete": text("deleted a repository"),
        "repository.download": text("downloaded an archive"),
        "repository.follow": text("followed a repository, or ceased to"),
        "repository.fork_failed": text("failed to fork a repository"),
        "repository.import_failed": text("failed to import a repository"),
        "repository.invalidate_cache": text("emptied the cache of a repository"),
        "repository.lock": text("locked a repository"),
        "repository.maintenance": text("ran maintenance on a repository"),
        "repository.public_journal": text("set whether visitors see what happens in a repository"),
        "repository.restore": text("restored a repository"),
        "repository.settings": text("changed settings of a repository"),
        "repository.unexplained": text("found refs that moved without a known cause"),
        "repository.unlock": text("unlocked a repository"),
        "repository.update": text("changed a repository"),
        "repository.verify": text("looked through a repository for damage"),
        "sessions.end": text("ended sessions"),
        "sign_in": text("signed in"),
        "sign_in.failed": text("failed to sign in"),
        "sign_out": text("signed out"),
        "site.anonymous_access": text("opened the site to visitors, or closed it"),
        "site.forget_sessions": text("ended sessions that were not used any more"),
        "site.invalidate_caches": text("emptied the caches of all repositories"),
        "site.settings": text("changed settings of the site"),
        "strip": text("removed changesets"),
        "token.create": text("made a key"),
        "token.reset": text("replaced the built-in key"),
        "token.revoke": text("deleted a key"),
        "trash.remove": text("removed something from the trash for good"),
        "user.create": text("made an account"),
        "user.delete": text("deleted an account"),
        "user.follow": text("followed a user, or ceased to"),
        "user.hand_over": text("gave everything that an account owned to another"),
        "user.password": text("chose another password"),
        "user.preferences": text("chose how pages look"),
        "user.register": text("registered"),
        "user.update": text("changed an account"),
        "user_group.add_member": text("put somebody into a user group"),
        "user_group.create": text("created a user group"),
        "user_group.delete": text("deleted a user group"),
        "user_group.remove_member": text("took somebody out of a user group"),
        "user_group.update": text("changed a user group"),
    }


def _of_names(text: Callable[[str], str]) -> Mapping[str, str]:
    return {
        "acl_level": text("who may open it"),
        "active": text("active"),
        "admin": text("super-admin"),
        "allowed": text("visitors allowed"),
        "archived": text("archived"),
        "author": text("author"),
        "blanked": text("only the text removed"),
        "by_mail": text("let in by a mail"),
        "clone_uri": text("remote address"),
        "comment": text("comment"),
        "confirmation": text("number of the question"),
        "context": text("check"),
        "count": text("how many"),
        "days": text("days without use"),
        "description": text("description"),
        "email": text("mail address"),
        "enable_downloads": text("downloads of archives"),
        "enable_locking": text("locking"),
        "enable_statistics": text("statistics"),
        "entry": text("entry of the trash"),
        "event": text("number of the event"),
        "expires": text("holds until"),
        "extern_name": text("name in the directory"),
        "extern_type": text("signs in by"),
        "fid": text("stored as"),
        "fields": text("extra fields"),
        "file": text("file"),
        "files": text("files replaced"),
        "firstname": text("first name"),
        "follows": text("follows"),
        "force_password_change": text("has to choose another password"),
        "forgotten": text("taken back"),
        "fork_of": text("fork of"),
        "formerly": text("former number"),
        "further": text("further comments"),
        "group_id": text("number of the group"),
        "holder": text("held by"),
        "imported": text("imported"),
        "inherit_default_permissions": text("inherits what everybody may do"),
        "job": text("job"),
        "key": text("field"),
        "kind": text("kind"),
        "label": text("label"),
        "landing_rev": text("landing revision"),
        "lastname": text("last name"),
        "level": text("right"),
        "member": text("member"),
        "moved": text("handed over"),
        "name": text("name"),
        "network": text("range"),
        "of_group": text("to a user group"),
        "owner": text("owner"),
        "password": text("password"),
        "path": text("path"),
        "permission": text("permission"),
        "prefix": text("program"),
        "private": text("private"),
        "problems": text("damage"),
        "reason": text("reason"),
        "recipients": text("told besides"),
        "recursion": text("what inside changed too"),
        "remember": text("stays signed in"),
        "remote": text("other server"),
        "reset": text("number of the question"),
        "revision": text("changeset"),
        "role": text("role"),
        "scope": text("kind of object"),
        "shown": text("shown to visitors"),
        "size": text("bytes"),
        "sound": text("nothing is damaged"),
        "state": text("state"),
        "status": text("vote"),
        "support_url": text("where users find help"),
        "title": text("name of the site"),
        "to": text("to"),
        "unmailed": text("without mails"),
        "username": text("user name"),
        "was_missing": text("was missing on the disk"),
        "whom": text("to whom"),
    }
