# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration: one .ini file, overridden by `TRIVIUM_<NAME>` environment variables (system.md 5.1).

Every option is a field of `Settings`; its section, name, default and explanation stand there and nowhere else.
`trivium make-config` and the test that `docs/configuration.md` names every option read them from here.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, get_type_hints
from urllib.parse import quote, urlsplit

from trivium.errors import Invalid

SERVER: Final = "server:main"
APP: Final = "app:main"
PREFIX: Final = "filter:proxy-prefix"

_BROKER = re.compile(r"rediss?|redis\+socket|amqps?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){1,10}")
_COOKIE_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
_SHORTEST_TOKEN: Final = 16
_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})


def _option(default: Any, about: str, *, name: str | None = None, section: str = APP, secret: bool = False) -> Any:
    """A `secret` is left out where settings are shown as a whole."""
    metadata = {"about": about, "name": name, "section": section}
    if isinstance(default, tuple):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All options of one installation; sizes in bytes, times in seconds unless said otherwise."""

    data: Path
    """The data directory; not an option of the file, which usually stands in it."""

    host: str = _option("127.0.0.1", "Address to listen on.", section=SERVER)
    port: int = _option(5000, "Port to listen on; 0 picks a free one.", section=SERVER)
    workers: int = _option(2, "Worker processes.", section=SERVER)
    threads: int = _option(
        4, "Threads of each worker for short calls; slow repository work has as many of its own.", section=SERVER
    )
    short_calls_first: bool = _option(
        True, "Threads for short calls ask Linux, from 6.12 on, to run as soon as they wake.", section=SERVER
    )
    server_first: bool = _option(
        True,
        "Workers that root starts go before other sessions of the machine where all want its processors.",
        section=SERVER,
    )
    hg_workers: int = _option(
        2, "Processes for Mercurial, started with the first request for a Mercurial repository.", section=SERVER
    )

    proxy_prefix: str = _option(
        "",
        "Path below which users reach the server, such as /scm; a proxy may leave it in what it sends on. base_url says"
        " it as well.",
        name="prefix",
        section=PREFIX,
    )

    database_url: str = _option(
        "",
        "Database, as an SQLAlchemy URL: sqlite or postgresql. Empty: SQLite in the data directory.",
        name="sqlalchemy.db1.url",
        secret=True,
    )
    database_connections: int = _option(30, "Connections to PostgreSQL of all workers together; at least 4 for each.")
    use_celery: bool = _option(
        False, "Imports, forks and other long work are sent to a queue, from which `trivium worker` takes them."
    )
    broker_url: str = _option(
        "",
        "Address of the queue, such as redis://127.0.0.1:6379/0. Empty: made of the following options, if one is set.",
        secret=True,
    )
    broker_host: str = _option("", "Host of an AMQP broker, as older servers name it.", name="broker.host")
    broker_port: int = _option(5672, "Port of that.", name="broker.port")
    broker_user: str = _option("", "User name at that.", name="broker.user")
    broker_password: str = _option("", "Password at that.", name="broker.password", secret=True)
    broker_vhost: str = _option("", "Virtual host of that.", name="broker.vhost")
    trash_keep_days: int = _option(
        0, "What was deleted stays in the trash for so many days; 0: until `trivium trash empty`."
    )
    keep_expired_days: int = _option(
        90, "Gists and tokens are removed so many days after they expired; 0: they stay, marked expired."
    )
    keep_notifications_days: int = _option(180, "Notifications are kept for so many days; 0: for ever.")
    max_notifications: int = _option(1000, "Notifications kept for one user, the newest of them; 0: any number.")
    keep_jobs_days: int = _option(30, "What became of jobs is kept for so many days; 0: for ever.")
    repository_root: str = _option("", "Where repositories live. Empty: `repositories` in the data directory.")
    base_url: str = _option(
        "", "Address under which users reach the server, for absolute links. Empty: taken from each request."
    )
    force_https: bool = _option(
        False, "Users reach the server by https, whatever its own connections are. A base_url says that as well."
    )
    lang: str = _option("en", "Language of pages for browsers that ask for none which there is: en or de.")
    markup_renderer: str = _option("markdown", "How comments are written: markdown, rst, or plain.")
    instance_id: str = _option("", "Name of this instance; shown by /_admin/ping.")
    realm: str = _option("Trivium", "Realm of the password question that git, hg and svn show.")
    git_path: str = _option("git", "The git program.")
    default_branch: str = _option("main", "The branch that HEAD of a new Git repository names until others are pushed.")
    svnadmin_path: str = _option("svnadmin", "The svnadmin program; svnrdump is looked for beside it.")
    apache_path: str = _option("apache2", "The Apache program that serves Subversion, privately on the loopback.")
    apache_modules: str = _option("/usr/lib/apache2/modules", "Where Apache's modules are, mod_dav_svn.so among them.")
    svn_user: str = _option(
        "trivium-svn",
        "Account, used by nothing else, that owns Subversion repositories and runs their Apache when the server runs as"
        " root; otherwise both belong to whoever runs the server.",
    )
    trusted_proxies: tuple[str, ...] = _option(
        (), "Addresses or networks of reverse proxies whose client_address_header is believed."
    )
    client_address_header: str = _option(
        "X-Forwarded-For",
        "Header in which a trusted proxy names its client; empty: none is believed. Of several addresses the last one"
        " that is no trusted proxy counts.",
    )
    mask_api_keys: bool = _option(False, "Never show an API key in an answer, not even to its owner.")
    auth_ret_code: int = _option(
        0, "Status sent instead of 401 when git, hg or svn give no or wrong credentials; 0: 401."
    )
    auth_ret_code_detection: bool = _option(
        False, "With auth_ret_code: a first request without credentials still gets 401."
    )
    lock_ret_code: int = _option(
        423,
        "Status sent to git, hg and svn when a repository is locked; with one from 200 to 299 they may go on. What git"
        " posts is always answered with 200, and the words of the refusal.",
    )
    metrics_token: str = _option(
        "",
        "Whoever sends it as `Authorization: Bearer <token>` reads /_admin/metrics; at least 16 characters.",
        secret=True,
    )
    metrics_addresses: tuple[str, ...] = _option(
        (),
        "Addresses or networks from which /_admin/metrics is read without a token. Neither set: it does not exist.",
    )
    access_log: bool = _option(False, "Write a line for every request.")
    log_level: str = _option("info", "debug, info, warning or error.")

    max_api_body: int = _option(16 << 20, "Largest body of an API call.")
    max_api_items: int = _option(10_000, "Most changesets in one answer.")
    max_api_nodes: int = _option(100_000, "Most files and directories in one answer.")
    max_api_file: int = _option(10 << 20, "Largest diff or content of one file in an answer; larger ones are left out.")
    max_api_answer: int = _option(64 << 20, "Diffs or contents of one answer together; what is beyond is left out.")
    max_api_depth: int = _option(64, "Deepest nesting of the JSON of an API call.")
    max_header_bytes: int = _option(32 << 10, "Largest head of a request.")
    max_headers: int = _option(100, "Most header lines of a request.")
    max_vcs_header_bytes: int = _option(
        1 << 20,
        "Largest head of a request of Mercurial or Subversion, whose clients put ids and lock tokens there; the number"
        " of its lines follows from that.",
    )
    max_push_bytes: int = _option(2 << 30, "Largest push.")
    max_object_bytes: int = _option(512 << 20, "Largest file, or other object, that a push or an import may bring.")
    max_repo_bytes: int = _option(0, "A repository that takes more room accepts no pushes; 0: no limit.")
    max_repos_per_user: int = _option(
        0, "Most repositories that a user may own by creating or forking them; 0: no limit."
    )
    max_dav_body: int = _option(
        1 << 20, "Largest XML body of a Subversion request, such as the state of a working copy with mixed revisions."
    )
    max_inflate_ratio: int = _option(200, "A compressed body may grow this many times beyond its first 16 MiB.")
    max_gist_files: int = _option(100, "Most files of a gist.")
    max_gist_bytes: int = _option(16 << 20, "Largest gist, all files together.")
    max_comment_bytes: int = _option(64 << 10, "Longest comment.")
    max_attachment_bytes: int = _option(10 << 20, "Largest file that comments may link to.")
    max_user_attachments: int = _option(1 << 30, "Bytes of all such files that a user uploaded. 0: no limit.")
    gist_alias_url: str = _option("", "Address shown for a gist; {gistid} in it is replaced. Empty: its own page.")
    key_views: str = _option(
        "",
        "Views that an API key in the address or a header opens, as `Controller:action`, separated by commas, with the"
        " wildcards of a shell. Feeds are always open to keys.",
        name="api_access_controllers_whitelist",
    )
    archive_cache_dir: str = _option(
        "", "Where archives that were made are kept. Empty: `archives` in the data directory; `off`: nowhere."
    )
    max_archive_bytes: int = _option(
        4 << 30,
        "Largest archive, by the files in it; a larger one is refused, or ended where that shows late. 0: no limit.",
    )
    cut_off_limit_diff: int = _option(1_024_000, "Largest changes that a page shows without being asked for all.")
    cut_off_limit_file: int = _option(256_000, "Largest change of one file that a page shows without being asked.")
    default_encoding: str = _option(
        "utf-8", "Encodings of files that are not marked otherwise, tried in this order, separated by commas."
    )
    rss_items_per_page: int = _option(20, "Entries of a feed.")
    rss_include_diff: bool = _option(False, "Entries of a repository's feed hold the changes as well.")
    rss_cut_off_limit: int = _option(32_768, "Largest changes in an entry of a feed.")
    markup_remote_images: bool = _option(False, "READMEs and other markup show pictures of other servers.")
    max_render_bytes: int = _option(512 << 10, "Largest text that is rendered as markup; others are shown as text.")
    render_timeout: int = _option(
        2, "A text that takes longer to be rendered as markup, in seconds of a processor, is shown as text."
    )
    max_form_body: int = _option(8 << 20, "Largest body of a form.")
    max_concurrent_vcs: int = _option(8, "Transfers of one user at once, in each worker; more wait for their turn.")
    api_rate: int = _option(0, "Calls of the API with one key in a minute; more are refused. 0: no limit.")
    allow_registration: bool = _option(
        False,
        "Visitors may make accounts for themselves. Whether these wait for an administrator, or can be used at once, is"
        " the permission hg.register of the user default.",
    )
    register_rate: int = _option(20, "Accounts that may be asked for from one address in an hour; 0: no limit.")
    import_rate: int = _option(6, "Imports and pulls that a user may begin in a minute; two at once. 0: no limit.")
    min_free_bytes: int = _option(512 << 20, "Pushes and new repositories are refused when less is free.")
    allowed_remote_hosts: tuple[str, ...] = _option(
        (),
        "Hosts inside the network that repositories may be fetched from: name, *.suffix, address, network or *, each"
        " optionally with :port.",
    )
    remote_hosts_only: bool = _option(False, "Fetch from allowed_remote_hosts only.")
    remote_timeout: int = _option(60, "A remote server that sends nothing for so long is given up.")
    import_timeout: int = _option(3600, "A fetch from another server may take this long.")
    housekeeping_interval: int = _option(
        10, "Repositories that were pushed to are looked after this often; 0: only by `trivium maintenance`."
    )
    verify_days: int = _option(
        30, "Each repository is looked through for damage once in so many days; 0: only by `trivium verify`."
    )
    header_timeout: int = _option(30, "A request's head must arrive within this time.")
    body_idle_timeout: int = _option(30, "A request's body may pause this long.")
    request_timeout: int = _option(
        60, "The whole body of an API call must arrive, and its answer be made, within this time."
    )
    diff_timeout: int = _option(10, "Comparing the files of one answer may take this long.")
    worker_unresponsive: int = _option(
        20, "A worker process that answers nothing for so many seconds is replaced; 0: never."
    )
    min_transfer_rate: int = _option(
        1024,
        "Whoever sends or reads fewer bytes a second, after request_timeout and on the average, is disconnected; 0:"
        " however slow.",
    )
    check_wants: bool = _option(
        True, "Git's clients get a commit by its id only while a ref reaches it, and a minute longer."
    )
    vcs_timeout: int = _option(600, "A transfer without progress is ended after this time.")
    graceful_timeout: int = _option(30, "On SIGTERM, requests under way may take this long.")
    db_busy_timeout: int = _option(
        15, "A locked database is waited for this long; a statement on PostgreSQL may take four times as long."
    )
    exclusive_timeout: int = _option(
        30, "A rename or deletion waits this long for pushes under way to the same repository."
    )
    session_cookie: str = _option("rhodecode", "Name of the cookie of sessions.", name="beaker.session.key")
    session_lifetime: int = _option(
        2_592_000,
        "Seconds after signing in to the pages until somebody has to do it again, unless they asked to be remembered:"
        " then it is a year.",
        name="beaker.session.timeout",
    )
    session_secure: bool = _option(
        False,
        "The cookie of sessions is sent over https only, also where this server cannot tell that it is reached so.",
        name="beaker.session.secure",
    )
    session_timeout: int = _option(
        28_800, "A session that nobody asked to remember ends when it is not used for so long; 0: only as above."
    )
    email_backend: str = _option(
        "",
        "Where mails go: `smtp`; `file`: into `mail` in the data directory; `log`: a line each, without their content;"
        " `off`: nowhere. Empty: `smtp` when smtp_server is set, else nowhere.",
    )
    smtp_server: str = _option("", "Mail server that takes the mails of this site.")
    smtp_port: int = _option(0, "Its port; 0: 465 with smtp_use_ssl, 587 with smtp_use_tls, else 25.")
    smtp_username: str = _option("", "Name to sign in to the mail server with; empty: mails are sent without.")
    smtp_password: str = _option("", "Password for that; no answer and no log shows it.", secret=True)
    smtp_use_tls: bool = _option(False, "The connection to the mail server is encrypted after STARTTLS, or not used.")
    smtp_use_ssl: bool = _option(False, "The connection to the mail server is encrypted from its beginning.")
    smtp_auth: tuple[str, ...] = _option(
        (), "Ways to sign in to the mail server that may be used: CRAM-MD5, PLAIN, LOGIN. Empty: the best it offers."
    )
    smtp_ca_file: str = _option(
        "", "Certificates of authorities that the mail server's is checked against. Empty: those of the system."
    )
    smtp_timeout: int = _option(30, "A mail server that says nothing for so long is given up.")
    app_email_from: str = _option(
        "",
        "Sender of mails: an address, or `Name <address>`. Empty: `trivium@` and the host of base_url, or localhost.",
    )
    email_prefix: str = _option("", "What subjects of mails begin with.")
    login_failures: int = _option(10, "Wrong passwords per account and address within 5 minutes before a wait.")
    login_lock_seconds: int = _option(60, "First wait after too many wrong passwords; doubles, at most 900.")
    login_ip_failures: int = _option(300, "Wrong passwords per address within 10 minutes before a wait.")

    @property
    def root(self) -> Path:
        """Where repositories live."""
        return Path(self.repository_root) if self.repository_root else self.data / "repositories"

    @property
    def url(self) -> str:
        """The database as an SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.data / 'trivium.db'}"

    @property
    def broker(self) -> str:
        """The address of the queue; empty where none is named."""
        if self.broker_url or not self.broker_host:
            return self.broker_url
        user, password, vhost = (
            quote(one, safe="") for one in (self.broker_user, self.broker_password, self.broker_vhost)
        )
        credentials = f"{user}:{password}@" if user else ""
        return f"amqp://{credentials}{self.broker_host}:{self.broker_port}/{vhost}"

    @property
    def mail_goes(self) -> str:
        """Where mails go: `smtp`, `file` or `log`; empty: nowhere, for no mail is configured."""
        if self.email_backend:
            return "" if self.email_backend == "off" else self.email_backend
        return "smtp" if self.smtp_server else ""

    @property
    def mails_links(self) -> bool:
        """Whether mails with links can be sent: these lead to base_url alone, whatever a request calls the server."""
        return bool(self.mail_goes and self.base_url)

    @property
    def prefix(self) -> str:
        """The path below which users reach the server, without a slash at its end; mostly empty."""
        return urlsplit(self.base_url).path.rstrip("/") if self.base_url else self.proxy_prefix.rstrip("/")

    @property
    def encrypted(self) -> bool:
        """Whether users surely reach the server by https."""
        return self.force_https or self.base_url.startswith("https:")

    @property
    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        return tuple(ip_network(proxy, strict=False) for proxy in self.trusted_proxies)


@dataclass(frozen=True, slots=True)
class Option:
    """What is known about one option without a file: for documentation and for reading."""

    attribute: str
    name: str
    section: str
    type: Any
    default: Any
    about: str

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return "TRIVIUM_" + self.name.upper().replace(".", "_")

    def parse(self, text: str) -> Any:
        """The value that a text of the file or the environment means; raises `Invalid`."""
        text = text.strip()
        if self.type is bool:
            if text.lower() in _TRUE | _FALSE:
                return text.lower() in _TRUE
            raise Invalid(f"option {self.name}: {text!r} is neither true nor false")
        if self.type is int:
            if text.isascii() and text.isdigit():
                return int(text)
            raise Invalid(f"option {self.name}: {text!r} is not a whole number")
        if self.type == tuple[str, ...]:
            return tuple(item for item in text.replace(",", " ").split() if item)
        return text


def options() -> list[Option]:
    """All options, in the order in which they are documented."""
    types = get_type_hints(Settings)
    found = []
    for item in fields(Settings):
        if not item.metadata:
            continue
        factory: Any = item.default_factory
        default = factory() if item.default is MISSING else item.default
        found.append(
            Option(
                attribute=item.name,
                name=item.metadata["name"] or item.name,
                section=item.metadata["section"],
                type=types[item.name],
                default=default,
                about=item.metadata["about"],
            )
        )
    return found


def load(data: Path, file: Path | None = None, environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Read the configuration of the installation in `data`.

    `file` defaults to `data/trivium.ini`, which may be missing; a file named explicitly must exist. `given` are
    values from the command line; they win over the environment, which wins over the file. Raises `Invalid` with
    one sentence that names the option.
    """
    environ = os.environ if environ is None else environ
    data = data.absolute()
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment]  # option names keep their case
    path = file or data / "trivium.ini"
    try:
        if file is not None or path.exists():
            with path.open(encoding="utf-8") as stream:
                parser.read_file(stream)
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(
            f"the configuration {path} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    except configparser.Error as error:
        raise Invalid(f"the configuration {path} is broken: {' '.join(str(error).split())}") from error
    values: dict[str, Any] = {}
    for option in options():
        text = environ.get(option.variable)
        if text is None:
            text = parser.get(option.section, option.name, fallback=None)
        if text is not None:
            values[option.attribute] = option.parse(text.replace("%(here)s", str(path.parent.absolute())))
    values.update({name: value for name, value in given.items() if value is not None})
    settings = Settings(data=data, **values)
    _check(settings)
    return settings


def _check(settings: Settings) -> None:
    """Refuse values that a type alone cannot rule out."""
    if not 0 <= settings.port <= 65535:
        raise Invalid(f"option port: {settings.port} is not a port number")
    for name in ("workers", "threads", "hg_workers", "max_concurrent_vcs", "max_api_depth", "max_headers"):
        if getattr(settings, name) < 1:
            raise Invalid(f"option {name}: must be at least 1")
    if settings.log_level.lower() not in ("debug", "info", "warning", "error"):
        raise Invalid(f"option log_level: {settings.log_level!r} is not debug, info, warning or error")
    if settings.markup_renderer not in ("markdown", "rst", "plain"):
        raise Invalid(f"option markup_renderer: {settings.markup_renderer!r} is not markdown, rst or plain")
    _check_broker(settings)
    if settings.auth_ret_code and not 400 <= settings.auth_ret_code <= 499:
        raise Invalid("option auth_ret_code: must be 0 or a status from 400 to 499")
    if not (200 <= settings.lock_ret_code <= 299 or 400 <= settings.lock_ret_code <= 499):
        raise Invalid("option lock_ret_code: must be a status from 200 to 299 or from 400 to 499")
    if '"' in settings.realm or not settings.realm.isprintable():
        raise Invalid("option realm: quotes and control characters are not allowed")
    if not _COOKIE_NAME.fullmatch(settings.session_cookie):
        raise Invalid("option beaker.session.key: the name of a cookie has letters, digits, '_', '.' and '-'")
    if settings.session_lifetime < 1:
        raise Invalid("option beaker.session.timeout: must be at least 1")
    prefix = settings.proxy_prefix.rstrip("/")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise Invalid("option prefix: a path begins with '/' and has letters, digits, '.', '_', '~' and '-'")
    if prefix and settings.base_url and settings.prefix != prefix:
        raise Invalid("option prefix: base_url says another path")
    try:
        _ = settings.proxy_networks
    except ValueError as error:
        raise Invalid(f"option trusted_proxies: {error}") from error
    _check_mail(settings)
    _check_metrics(settings)
    if not settings.client_address_header.isascii():
        raise Invalid("option client_address_header: the name of a header is ASCII")


def _check_broker(settings: Settings) -> None:
    if settings.broker and not _BROKER.fullmatch(urlsplit(settings.broker).scheme):
        raise Invalid("option broker_url: redis://, rediss://, redis+socket:// or amqp:// is expected")


def _check_metrics(settings: Settings) -> None:
    token = settings.metrics_token
    if token and (len(token) < _SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token):
        raise Invalid(f"option metrics_token: it has at least {_SHORTEST_TOKEN} characters of ASCII, and no blanks")
    try:
        for network in settings.metrics_addresses:
            ip_network(network, strict=False)
    except ValueError as error:
        raise Invalid(f"option metrics_addresses: {error}") from error


def _check_mail(settings: Settings) -> None:
    if settings.email_backend not in ("", "smtp", "file", "log", "off"):
        raise Invalid(f"option email_backend: {settings.email_backend!r} is not smtp, file, log or off")
    if settings.email_backend == "smtp" and not settings.smtp_server:
        raise Invalid("option email_backend: smtp needs a mail server (smtp_server)")
    if settings.smtp_use_tls and settings.smtp_use_ssl:
        raise Invalid("option smtp_use_ssl: a connection is encrypted from its beginning or after STARTTLS, not both")
    if not 0 <= settings.smtp_port <= 65535:
        raise Invalid(f"option smtp_port: {settings.smtp_port} is not a port number")
    if settings.smtp_timeout < 1:
        raise Invalid("option smtp_timeout: must be at least 1")
    unknown = {way.upper() for way in settings.smtp_auth} - {"CRAM-MD5", "PLAIN", "LOGIN"}
    if unknown:
        raise Invalid(f"option smtp_auth: {min(unknown)!r} is not CRAM-MD5, PLAIN or LOGIN")
    if not settings.app_email_from.isprintable() or not settings.email_prefix.isprintable():
        raise Invalid("option app_email_from or email_prefix: control characters are not allowed")


def template() -> str:
    """A commented configuration file with every option at its default."""
    lines = ["# Configuration of a Trivium server. Every option can also be set by the environment: TRIVIUM_<NAME>."]
    section = ""
    for option in options():
        if option.section != section:
            section = option.section
            lines += ["", f"[{section}]"]
        default = option.default
        if isinstance(default, bool):
            default = str(default).lower()
        elif isinstance(default, tuple):
            default = ", ".join(default)
        lines += ["", f"# {option.about}", f"#{option.name} = {default}".rstrip()]
    return "\n".join(lines) + "\n"
