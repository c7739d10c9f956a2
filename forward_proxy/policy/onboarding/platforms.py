"""What to do on each platform to use the proxy and to trust its certificate, and which one a visitor has.

The names of menus are those of the makers' current versions; where they differ much, a search in the settings is named.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Platform:
    """`agents` is found in the User-Agent of its browsers, None for what has none.

    `proxy` and `trust` are HTML, the former with the places `{host}`, `{port}` and `{pac}`.
    """

    title: str
    agents: re.Pattern[str] | None
    proxy: str
    trust: tuple[str, ...]


_CER, _CRT, _PEM = "/forward-proxy-ca.cer", "/forward-proxy-ca.crt", "/forward-proxy-ca.pem"
_PROFILE = "/forward-proxy-ca.mobileconfig"

WINDOWS = Platform(
    "Windows",
    re.compile("Windows"),
    "<b>Settings</b> › Network &amp; internet › Proxy › Use setup script: <code>{pac}</code>",
    (
        f'Download <a href="{_CER}">the certificate</a> and open it.',
        "<b>Install Certificate…</b>, Current User, “Place all certificates in the following store”, "
        "<b>Trusted Root Certification Authorities</b>.",
        "Or in a terminal: <code>certutil -user -addstore Root forward-proxy-ca.cer</code>",
    ),
)
MACOS = Platform(
    "macOS",
    re.compile("Macintosh"),
    "<b>System Settings</b> › Network › your network › Details… › Proxies › Automatic proxy configuration: "
    "<code>{pac}</code>",
    (
        f'Download <a href="{_CER}">the certificate</a> and open it: Keychain Access adds it to the login keychain.',
        "Open it there, and under Trust choose “When using this certificate”: <b>Always Trust</b>.",
        "Or in a terminal: <code>security add-trusted-cert -k ~/Library/Keychains/login.keychain-db "
        "forward-proxy-ca.cer</code>",
    ),
)
IOS = Platform(
    "iPhone and iPad",
    re.compile("iPhone|iPad|iPod"),
    "<b>Settings</b> › Wi-Fi › (i) beside your network › Configure Proxy › Automatic: <code>{pac}</code>",
    (
        f'In Safari, download <a href="{_PROFILE}">the profile</a> and allow it.',
        "Settings › <b>Profile Downloaded</b> › Install. (Later it is under General › VPN &amp; Device Management.)",
        "Settings › General › About › <b>Certificate Trust Settings</b>: turn it on. Without this it is installed, but "
        "not trusted.",
    ),
)
ANDROID = Platform(
    "Android",
    re.compile("Android"),
    "<b>Settings</b> › Network &amp; internet › Internet › gear beside your Wi-Fi › pencil › Advanced options › "
    "Proxy › Proxy Auto-Config: <code>{pac}</code>, or Manual: <code>{host}</code>, <code>{port}</code>",
    (
        f'Download <a href="{_CRT}">the certificate</a>. It cannot be opened from the browser.',
        "Settings › Security &amp; privacy › More security &amp; privacy › Encryption &amp; credentials › Install a "
        "certificate › <b>CA certificate</b> › Install anyway, and choose the file. (Makers move this: search the "
        "settings for “CA certificate”.)",
        "Firefox: Settings › About Firefox, tap the logo five times, go back, Secret Settings › <b>Use third party CA "
        "certificates</b>.",
    ),
)
LINUX = Platform(
    "Linux",
    re.compile("Linux|X11"),
    "GNOME: <b>Settings</b> › Network › Proxy › Automatic: <code>{pac}</code>. Terminals: "
    "<code>export http_proxy=http://{host}:{port} https_proxy=http://{host}:{port}</code>",
    (
        f'Download <a href="{_PEM}">the certificate</a>.',
        "Chrome and Chromium have a store of their own: <code>chrome://certificate-manager</code> › Local certificates "
        "› Custom › <b>Installed by you</b> › Trusted certificates › Import.",
        "Debian, Ubuntu: <code>sudo cp forward-proxy-ca.pem /usr/local/share/ca-certificates/forward-proxy-ca.crt "
        "&amp;&amp; sudo update-ca-certificates</code>",
        "Fedora, RHEL: <code>sudo cp forward-proxy-ca.pem /etc/pki/ca-trust/source/anchors/ &amp;&amp; sudo "
        "update-ca-trust</code>",
        "Arch: <code>sudo trust anchor --store forward-proxy-ca.pem</code>",
    ),
)
FIREFOX = Platform(
    "Firefox",
    re.compile(r"Firefox/"),
    "<b>Settings</b> › General › Network Settings › Settings… › Automatic proxy configuration URL: "
    "<code>{pac}</code>, or that of the system",
    (
        "On Windows and macOS it trusts (from version 120 on) what the system trusts. Elsewhere:",
        f'Download <a href="{_PEM}">the certificate</a>.',
        "Settings › Privacy &amp; Security › Certificates › <b>View Certificates…</b> › Authorities › Import…, and "
        "tick “Trust this CA to identify websites”.",
    ),
)
JAVA = Platform(
    "Java",
    None,
    "<code>-Dhttp.proxyHost={host} -Dhttp.proxyPort={port} -Dhttps.proxyHost={host} -Dhttps.proxyPort={port}</code>",
    (
        f'Download <a href="{_CER}">the certificate</a>.',
        "<code>keytool -importcert -cacerts -alias forward-proxy -file forward-proxy-ca.cer</code> (password: "
        "<code>changeit</code>, unless you changed it).",
    ),
)

# Android's browsers say Linux too, and Firefox says where it runs.
PLATFORMS = (WINDOWS, MACOS, IOS, ANDROID, LINUX, FIREFOX, JAVA)
_BY_AGENT = (FIREFOX, IOS, ANDROID, WINDOWS, MACOS, LINUX)


def own_platforms(user_agent: str) -> list[Platform]:
    """Those of a visitor with this User-Agent, the first to be seen to first."""
    own = [platform for platform in _BY_AGENT if platform.agents and platform.agents.search(user_agent)]
    if ANDROID in own:
        return [ANDROID]  # Firefox stands among its steps.
    if FIREFOX in own and LINUX not in own:
        own.reverse()  # There it trusts what the system trusts.
    return own
