# SPDX-License-Identifier: GPL-3.0-or-later
"""People answer each other on a changeset, and hear of it, in all three systems (system.md 2.3, 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import new_system
from tests.support.waiting import until
from trivium.render.sections import address_of


@dataclass(frozen=True)
class Talk:
    """A changeset of Ada's that Ben may read."""

    name: str
    raw_id: str
    ada: Person
    ben: Person
    adas: Browser
    bens: Browser

    @property
    def page(self) -> str:
        return f"/{self.name}/changeset/{self.raw_id}"

    def say(self, browser: Browser, **fields: str) -> Answer:
        return browser.post(f"{self.page}/comment", {"csrf_token": browser.get(self.page).page.token, **fields})


@pytest.fixture
def talk(kind: str, server: Server, root: Api, tmp_path: Path) -> Talk:
    ada, ben = root.new_user(), root.new_user()
    system = new_system(kind, tmp_path)
    name = system.new_repository(root, ada, private=True)
    raw_id = system.checkout(server, name, ada).change("Tides", **{"src/a.py": "one\ntwo\n", "b.txt": "x\n"})
    root("grant_user_permission", repoid=name, userid=ben.name, perm="repository.read")
    browsers = [Browser(server.url), Browser(server.url)]
    for browser, person in zip(browsers, (ada, ben), strict=True):
        assert browser.sign_in(person).status == 302
    return Talk(name, raw_id, ada, ben, *browsers)


def told(browser: Browser) -> str:
    return browser.get("/_admin/notifications").page.text


def test_a_comment_a_vote_and_an_answer(talk: Talk, server: Server) -> None:
    sent = talk.say(
        talk.bens, text=f"Is **this** right, @{talk.ada.name}?<script>x</script>", changeset_status="rejected"
    )
    assert sent.status == 302
    place = sent.location.partition("#")[2]
    page = talk.adas.get(talk.page).page
    assert page.all("article", id=place) and page.all("strong") and "Is this right" in page.text
    assert "Rejected" in page.text and "x</script>" not in talk.adas.get(talk.page).text
    until(lambda: "has mentioned you" in told(talk.adas))
    shown = talk.adas.get("/_admin/notifications").page
    assert "1 unread notification" in [one.get("aria-label") for one in shown.all("a")]
    assert told(talk.bens).count("has commented") == 0
    # From the notification to the comment: it counts as read then.
    (form,) = [
        one["action"] for one in shown.all("form") if one.get("action", "").startswith("/_admin/notifications/")
    ][1:2]
    followed = talk.adas.post(form, {"csrf_token": shown.token, "_method": "PUT", "follow": "1"})
    assert followed.location == f"{talk.page}#{place}"
    assert "0 unread notifications" in [one.get("aria-label") for one in talk.adas.get(talk.page).page.all("a")]
    # The answer stands below the line.
    assert talk.say(talk.adas, text="See", f_path="src/a.py", line="n2").status == 302
    html = talk.bens.get(talk.page).text
    assert 0 < html.index(f'id="{address_of("src/a.py")}n2"') < html.index(">See<")
    until(lambda: "has commented on a changeset" in told(talk.bens))
    # Another one's notification, and one that is deleted, is none.
    assert talk.bens.get(form).status == 404
    token = talk.adas.get(form).page.token
    assert talk.adas.post(form, {"csrf_token": token, "_method": "DELETE"}).status == 302
    assert talk.adas.get(form).status == 404
    # Who may not read the repository any more is told nothing of it.
    server.api(server.admin_key)("revoke_user_permission", repoid=talk.name, userid=talk.ben.name)
    assert "has commented" not in told(talk.bens) and "may not see any more" in told(talk.bens)
    token = talk.bens.get("/_admin/notifications").page.token
    assert talk.bens.post("/_admin/notifications/mark_all_read", {"csrf_token": token}).status == 302
    assert "may not see any more" not in told(talk.bens)


def test_what_is_wrong_stands_beside_the_field_and_nothing_typed_is_lost(talk: Talk) -> None:
    for fields, said in (
        ({"text": "  "}, "A comment says something."),
        ({"text": "Kept", "changeset_status": "perfect"}, "none of the choices"),
        ({"text": "Kept", "f_path": "src/a.py"}, "A line is a number"),
        ({"text": "Kept", "f_path": "src/a.py", "line": "x7"}, "A line is a number"),
        ({"text": "Kept", "f_path": "no/such.py", "line": "1"}, "does not change this file"),
        ({"text": "Kept", "f_path": "src", "line": "1", "act": "draft"}, "does not change this file"),
        ({"text": "Kept" + "x" * (64 << 10)}, "A comment has at most"),
        ({"text": "Kept", "commit_ids": f"{talk.raw_id},no-such"}, "There is no changeset no-such here."),
    ):
        answer = talk.say(talk.bens, **fields)
        assert answer.status == 422 and said in answer.page.text
        if "Kept" in fields["text"]:
            assert all(fields.get(one, "") in answer.text for one in ("f_path", "commit_ids")) and "Kept" in answer.text
    looked = talk.say(talk.bens, text="*so*", act="preview")
    assert looked.status == 200 and "<em>so</em>" in looked.text and "*so*" in looked.text
    token = talk.bens.get(talk.page).page.token
    part = talk.bens.post(f"/{talk.name}/changeset/comment/preview", {"csrf_token": token, "text": "*so*"})
    assert part.text.strip() == "<p><em>so</em></p>"
    assert "comment-" not in talk.bens.get(talk.page).text
    # A comment needs its token, and an account.
    assert talk.bens.post(f"{talk.page}/comment", {"text": "x"}).status == 403
    assert "Comment on a line" in talk.bens.get(talk.page).page.text
    alone = talk.bens.get(f"/{talk.name}/comments/new?revision={talk.raw_id}&f_path=b.txt&line=1")
    assert alone.status == 200 and 'value="b.txt"' in alone.text


def test_scripts_get_json(talk: Talk) -> None:
    token = talk.bens.get(talk.page).page.token
    said = {
        text: talk.bens.post(
            f"{talk.page}/comment", {"csrf_token": token, "text": text}, X_Requested_With="XMLHttpRequest"
        )
        for text in ("*so*", "")
    }
    assert said["*so*"].status == 200 and "<em>so</em>" in said["*so*"].json["rendered_text"]
    assert said[""].status == 422 and list(said[""].json["errors"]) == ["text"]


def test_scripts_are_told_in_json_what_is_refused(talk: Talk) -> None:
    token = talk.bens.get(talk.page).page.token
    comment = talk.say(talk.adas, text="Mine").location.rpartition("-")[2]
    page = talk.page.partition("/changeset/")[0]
    for status, address, fields in (
        (403, f"{talk.page}/comment", {"text": "Forged", "csrf_token": "no"}),
        (403, f"{page}/changeset/comment/{comment}/delete", {"csrf_token": token, "_method": "DELETE"}),
        (404, f"{page}/changeset/nope/comment", {"text": "Where?", "csrf_token": token}),
        (405, f"{page}/changeset/comment/{comment}/delete", {"csrf_token": token}),
    ):
        answer = talk.bens.post(address, fields, X_Requested_With="XMLHttpRequest")
        assert (answer.status, answer.headers["content-type"]) == (status, "application/json; charset=utf-8")
        assert answer.json["error"]


def test_a_review_is_sent_as_a_whole(talk: Talk) -> None:
    for number in (1, 2):
        kept = talk.say(talk.bens, text=f"Point {number}", f_path="src/a.py", line=str(number), act="draft")
        assert kept.location == f"{talk.page}#review"
    assert talk.say(talk.bens, text="Away with it", act="draft").status == 302
    assert "Point 1" not in talk.adas.get(talk.page).text
    page = talk.bens.get(talk.page).page
    assert "3 comments that nobody else sees yet" in page.text
    last = [one["action"] for one in page.all("form") if "/comments/drafts/" in one.get("action", "")][-1]
    assert talk.adas.post(last, {"csrf_token": talk.adas.get(talk.page).page.token, "_method": "DELETE"}).status == 404
    assert talk.bens.post(last, {"csrf_token": page.token, "_method": "DELETE"}).status == 302
    sent = talk.say(talk.bens, text=f"As a whole: good, @{talk.ada.name}", changeset_status="approved", act="review")
    assert sent.status == 302, sent.text
    first = sent.location.rpartition("-")[2]
    text = talk.adas.get(talk.page).page.text
    for said in ("Point 1", "Point 2", "As a whole: good", "Approved"):
        assert said in text, text
    assert "Away with it" not in text and "nobody else sees" not in talk.bens.get(talk.page).text
    until(lambda: "has mentioned you" in told(talk.adas))
    assert talk.adas.get("/_admin/notifications").page.text.count(talk.ben.name) == 1, "one for all of it"
    assert talk.say(talk.bens, act="review").status == 422, "there is nothing left to send"
    assert first.isdigit()
    # The same may be said of several changesets at once, of all or of none.
    assert talk.say(talk.bens, text="Each", commit_ids="no-such-changeset").status == 422
    assert talk.say(talk.bens, text="Each", commit_ids=f"{talk.raw_id}, tip").status == 302
    assert talk.adas.get(talk.page).page.text.count("Each") == 1
    # A vote needs no words.
    assert talk.say(talk.adas, changeset_status="under_review").status == 302
    assert "Under review" in talk.bens.get(talk.page).page.text


def test_authors_change_and_administrators_delete(talk: Talk, root: Api, server: Server) -> None:
    said = talk.say(talk.bens, text="Frist").location.rpartition("-")[2]
    start = f"/{talk.name}/comments/{said}"
    cys = Browser(server.url)
    cy = root.new_user()
    assert cys.sign_in(cy).status == 302
    assert talk.adas.get(f"{start}/edit").status == 403 and cys.get(f"{start}/history").status == 404
    assert talk.bens.send(f"{start}/edit", text=" ").status == 422
    assert talk.bens.send(f"{start}/edit", text="First").location == f"{talk.page}#comment-{said}"
    assert "Frist" not in talk.adas.get(talk.page).text
    former = talk.adas.get(f"{start}/history").page.text
    assert "First" in former and "Frist" in former
    other = talk.say(talk.adas, text="Stays").location.rpartition("-")[2]
    address = f"/{talk.name}/changeset/comment/"
    token = talk.bens.get(talk.page).page.token
    assert talk.bens.post(f"{address}{other}/delete", {"csrf_token": token, "_method": "DELETE"}).status == 403
    assert "Delete this comment?" in talk.adas.get(f"{start}/delete").page.text
    token = talk.adas.get(talk.page).page.token
    assert talk.adas.post(f"{address}{said}/delete", {"csrf_token": token, "_method": "DELETE"}).status == 302
    assert talk.adas.get(f"{start}/history").status == 404
    text = talk.adas.get(talk.page).page.text
    assert "First" not in text and "Stays" in text
    # A comment is found below its own repository alone.
    elsewhere = root.new_repo(owner=talk.ada.name).name
    assert talk.adas.get(f"/{elsewhere}/comments/{other}/edit").status == 404


def test_who_is_mentioned_is_a_link_for_those_who_may_see_it(talk: Talk, server: Server, root: Api) -> None:
    gone = root.new_user()
    text = f"@{talk.ada.name.upper()} and @{gone.name}, not `@{talk.ben.name}` nor @nobody-here"
    assert talk.say(talk.bens, text=text).status == 302
    address = f"/_profiles/{talk.ada.name}"

    def mentioned(browser: Browser) -> list[str]:
        return [one["href"] for one in browser.get(talk.page).page.all("a") if one.get("class") == "mention"]

    assert mentioned(talk.adas) == [address, f"/_profiles/{gone.name}"]
    token = talk.bens.get(talk.page).page.token
    preview = talk.bens.post(f"/{talk.name}/changeset/comment/preview", {"csrf_token": token, "text": text}).text
    assert f'href="{address}"' in preview and "/nobody-here" not in preview
    root("update_user", userid=gone.name, active=False)
    assert mentioned(talk.adas) == [address], "who has no account any more is no link"
    # Whoever has not signed in sees no profiles.
    root("update_repo", repoid=talk.name, private=False)
    root("grant_user_permission", repoid=talk.name, userid="default", perm="repository.read")
    visitor = Browser(server.url)
    if visitor.get(talk.page).status == 200:
        assert mentioned(visitor) == [] and "nobody-here" in visitor.get(talk.page).text


def test_a_to_do_is_open_until_somebody_resolves_it(talk: Talk, root: Api) -> None:
    made = talk.say(talk.bens, text="Name it *better*\nplease", f_path="src/a.py", line="n2", comment_type="todo")
    todo = made.location.rpartition("-")[2]
    kept = talk.say(talk.bens, text="And test it", comment_type="todo", act="draft")
    assert kept.status == 302 and "1 comment that nobody else sees yet" in talk.bens.get(talk.page).page.text
    page = talk.adas.get(talk.page).page
    assert "1 open to-do" in page.text and "Name it better please" in page.text
    assert talk.say(talk.bens, act="review").status == 302
    assert "2 open to-dos" in talk.adas.get(talk.page).page.text
    assert [one["href"] for one in talk.adas.get(talk.page).page.all("a")].count(f"#comment-{todo}") >= 2
    # It is resolved once, with words or without, by whoever may comment.
    answer = talk.say(talk.adas, text="", f_path="src/a.py", line="n2", resolves_comment_id=todo)
    assert answer.status == 302
    page = talk.bens.get(talk.page).page
    assert "1 open to-do" in page.text and f"Resolved by {talk.ada.name}" in page.text
    twice = talk.say(talk.bens, text="Mine", resolves_comment_id=todo)
    assert twice.status == 422 and "resolved already" in twice.page.text and "Mine" in twice.text
    for wrong in ("0", "999999", "x"):
        assert talk.say(talk.bens, text="", resolves_comment_id=wrong).status == 422
    assert talk.say(talk.bens, text="x", comment_type="wish").status == 422
    # The API tells the same, and what it resolves the page shows.
    told = {str(one["comment_id"]): one for one in root("get_repo_comments", repoid=talk.name, comment_type="todo")}
    assert [told[todo]["comment_state"], told[todo]["comment_lineno"]] == ["resolved", "n2"]
    assert str(told[todo]["comment_resolved_by"]) == answer.location.rpartition("-")[2]
    (other,) = [number for number, one in told.items() if one["comment_state"] == "open"]
    root("comment_commit", repoid=talk.name, commit_id=talk.raw_id, message="Done", resolves_comment_id=int(other))
    text = talk.bens.get(talk.page).page.text
    assert "open to-do" not in text and text.count("Resolved by") == 2
    # When the answer goes, it is open again.
    gone = root("get_repo_comments", repoid=talk.name, comment_type="todo")
    solved = next(str(one["comment_resolved_by"]) for one in gone if str(one["comment_id"]) == todo)
    token = talk.adas.get(talk.page).page.token
    away = f"/{talk.name}/changeset/comment/{solved}/delete"
    assert talk.adas.post(away, {"csrf_token": token, "_method": "DELETE"}).status == 302
    assert "1 open to-do" in talk.bens.get(talk.page).page.text


def test_of_very_many_comments_the_newest_are_shown_and_the_others_a_page_away(talk: Talk) -> None:
    call = talk.bens
    token = call.get(talk.page).page.token
    first = talk.say(talk.adas, text="The very first", changeset_status="approved").location.rpartition("-")[2]
    for number in range(200):
        assert call.post(f"{talk.page}/comment", {"csrf_token": token, "text": f"Number {number}"}).status == 302
    page = call.get(talk.page)
    assert "Number 199" in page.text and "The very first" not in page.text and "Approved" in page.page.text
    (earlier,) = [one for one in page.page.links if "before=" in one]
    before = call.get(f"{talk.page}{earlier.partition('#')[0]}")
    assert (
        "The very first" in before.text and f'id="comment-{first}"' in before.text and "Number 199" not in before.text
    )
    assert "Approved" in before.page.text and "The newest comments" in before.page.text
    for odd in ("x", "0", "9" * 19, "9" * 40):
        assert call.get(f"{talk.page}?before={odd}").status == 200


def test_of_a_to_do_and_of_its_end_people_are_told_in_these_words(talk: Talk) -> None:
    made = talk.say(talk.bens, text=f"For @{talk.ada.name}: later", comment_type="todo").location.rpartition("-")[2]
    until(lambda: "has mentioned you" in told(talk.adas))
    assert talk.say(talk.adas, text="", resolves_comment_id=made).status == 302
    until(lambda: f"{talk.ada.name} has resolved a to-do" in told(talk.bens))
    assert talk.say(talk.adas, text="Another", comment_type="todo").status == 302
    until(lambda: f"{talk.ada.name} has left a to-do on a changeset" in told(talk.bens))
