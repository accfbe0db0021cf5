# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of a real browser that is watched: what it complains of, fetches, moves, and what others' text does in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

from tests.support.clients import Person

AXE = Path(__file__).parent / "vendored" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# These look at colours, which are all that differs between light and dark (`light-dark` in trivium.css).
OF_COLOURS = ["color-contrast", "link-in-text-block"]
# `hit` is what hostile text calls. What the policy forbids, and what moves, is kept until it is asked for.
PROBE = """
window.hits = []; window.hit = () => hits.push("ran"); window.alert = window.hit;
window.shifts = [];
addEventListener("securitypolicyviolation", (event) => hits.push(`${event.violatedDirective} ${event.blockedURI}`));
new PerformanceObserver((seen) => {
  for (const one of seen.getEntries()) if (!one.hadRecentInput)
    shifts.push([one.value, ...one.sources.map(({ node }) => node?.parentElement?.outerHTML.slice(0, 120))]);
}).observe({ type: "layout-shift", buffered: true });
"""
WIDE, PHONE, NARROW = 1280, 390, 320


def _why(node: dict[str, Any]) -> str:
    """What axe says is wrong with an element."""
    return "; ".join(check["message"] for way in ("any", "all", "none") for check in node[way])


class Watched:
    """One browser window of somebody, and all that was wrong in it."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        self.wrong: list[str] = []
        self.context: BrowserContext = browser.new_context(
            viewport={"width": WIDE, "height": 800}, base_url=url, reduced_motion="reduce", **options
        )
        self.context.add_init_script(PROBE)
        self.context.on("request", self._asked)
        self.context.on("response", self._answered)
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self._complain(f"script: {error.error}"))
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.expected = 200

    def open(self, path: str, status: int = 200) -> Page:
        """Go to a page, and wait until it is whole."""
        self.expected = status
        answer = self.page.goto(path, wait_until="load")
        assert answer is not None and answer.status == status, (path, answer and answer.status)
        self.settle()
        return self.page

    def sign_in(self, person: Person) -> None:
        """Sign in by the form."""
        self.open("/_admin/login")
        self.page.fill("#username", person.name)
        self.page.fill("#password", person.password)
        with self.page.expect_navigation():
            self.page.click("main button[type=submit], main button:not([type])")

    def settle(self) -> None:
        """Wait for fonts, and for what a page fetches by itself."""
        self.page.evaluate("document.fonts.ready")
        self.page.locator("[data-fill] .waiting").first.wait_for(state="detached")

    def axe(self, *, colours_alone: bool = False) -> list[str]:
        """What axe finds on the page as it is shown; `colours_alone`: the same was looked at in another scheme."""
        if not self.page.evaluate("Boolean(window.axe)"):
            self.page.evaluate(AXE.read_text())
        # Of what is right nothing is told: that is half of the work.
        found = self.page.evaluate(
            """([type, values]) => axe.run(document, { runOnly: { type, values }, reporter: "no-passes",
                rules: type === "tag" ? { "target-size": { enabled: true } } : {} })""",
            ["rule", OF_COLOURS] if colours_alone else ["tag", RULES],
        )
        return [
            f"{rule['id']}: {node['target']} {node['html'][:160]} {_why(node)[:300]}"
            for rule in found["violations"]
            for node in rule["nodes"][:4]
        ]

    def shown(self, width: int, scheme: str) -> None:
        """Show the page in a width and in light or dark."""
        self.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if self.page.viewport_size != {"width": width, "height": 800}:
            self.page.set_viewport_size({"width": width, "height": 800})

    def sideways(self) -> list[str]:
        """The elements that make the page wider than the window; none where it is not."""
        found: list[str] = self.page.evaluate(
            """() => {
                const root = document.documentElement;
                if (root.scrollWidth <= root.clientWidth) return [];
                const cut = (one) => one && (getComputedStyle(one).overflowX !== "visible" || cut(one.parentElement));
                const wide = [...document.querySelectorAll("body *")].filter(
                    (one) => one.getBoundingClientRect().right > root.clientWidth + 1 && !cut(one.parentElement));
                return [`${root.scrollWidth} > ${root.clientWidth}`, ...wide.slice(0, 5).map((one) => one.outerHTML.slice(0, 120))];
            }"""
        )
        return found

    def moved(self) -> list[Any]:
        """What moved while the page loaded: with how much of the window, from a thousandth on (web.md 8 says 0.00)."""
        return self.page.evaluate("shifts.splice(0).filter(([much]) => much >= 0.001)")  # type: ignore[no-any-return]

    def ran(self) -> list[str]:
        """What text of others has done, or tried to do."""
        return self.page.evaluate("hits")  # type: ignore[no-any-return]

    def close(self) -> None:
        self.context.close()

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.url + "/", "data:")):
            self._complain(f"fetched {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not (
            response.status == self.expected and response.request.is_navigation_request()
        ):
            self._complain(f"{response.status} for {response.url}")

    def _said(self, message: ConsoleMessage) -> None:
        # That the page itself came with the status that was expected is said too.
        if message.type in ("error", "warning") and not (self.expected >= 400 and "status of" in message.text):
            self._complain(f"console: {message.text}")

    def _complain(self, what: str) -> None:
        self.wrong.append(f"{self.page.url}: {what}")
