"""At which hosts do search engines answer, and which host of theirs answers with safe search locked on?

Each of these engines runs a host for networks that want it locked: whoever resolves the engine's name to that host's
addresses gets its safe answers under the engine's own name and certificate.

| engine | asked as | by whom |
|---|---|---|
| google | forcesafesearch.google.com | Google, Lock SafeSearch for networks (websearch/answer/186669) |
| youtube | restrict.youtube.com, restrictmoderate.youtube.com | Google, Restricted Mode (a/answer/6214622) |
| bing | strict.bing.com | Microsoft, Block adult content with SafeSearch |
| duckduckgo | safe.duckduckgo.com | DuckDuckGo, Safe Search |
| yandex | familysearch.yandex.ru | Yandex, Family search |
| ecosia | strict-safe-search.ecosia.org | Ecosia, safe search for networks |
| brave | forcesafe.search.brave.com | Brave Search, safe search for networks |

The vendors name the hosts that people search at; here are also those that lead there and those that answer the same
questions (bare names, image search, other front pages).
"""

from collections.abc import Mapping
from typing import Literal

type Youtube = Literal["strict", "moderate"]

YOUTUBE_MODERATE = "restrictmoderate.youtube.com"

# What follows `google.`: the domains that Google names as its own (www.google.com/supported_domains), and older ones.
_GOOGLE = (
    "com ac ad ae com.af com.ag com.ai al am co.ao com.ar as at com.au az ba com.bd be bf bg com.bh bi bj com.bn com.bo"
    " com.br bs bt co.bw by com.bz ca cat cc cd cf cg ch ci co.ck cl cm cn com.co co.cr com.cu cv com.cy cz de dj dk dm"
    " com.do dz com.ec ee com.eg es com.et fi com.fj fm fr ga gd ge gf gg com.gh com.gi gl gm gp gr com.gt gy com.hk hn"
    " hr ht hu co.id ie co.il im co.in iq is it je com.jm jo co.jp co.ke kg com.kh ki co.kr com.kw kz la com.lb lc li"
    " lk co.ls lt lu lv com.ly co.ma md me mg mk ml com.mm mn ms com.mt mu mv mw com.mx com.my co.mz com.na ne com.nf"
    " com.ng com.ni nl no com.np nr nu co.nz com.om com.pa com.pe com.pg com.ph com.pk pl pn com.pr ps pt com.py com.qa"
    " ro rs ru rw com.sa com.sb sc se com.sg sh si sk com.sl sm sn so sr st com.sv td tg co.th com.tj tk tl tm tn to"
    " com.tr tt com.tw co.tz com.ua co.ug co.uk com.uy co.uz com.vc co.ve vg co.vi com.vn vu ws co.za co.zm co.zw"
)
_YANDEX = "az by co.il com com.am com.ge com.tr ee eu fr kg kz lt lv md net ru tj tm ua uz"


def _each(hosts: str, endings: str) -> frozenset[str]:
    """Every host with every ending."""
    return frozenset(f"{host}.{ending}" for host in hosts.split() for ending in endings.split())


# By engine: the hosts it answers at, and the host that is asked in their place.
ENGINES: Mapping[str, tuple[frozenset[str], str]] = {
    "google": (
        _each("google www.google images.google", _GOOGLE)
        | _each("video.google videos.google encrypted.google ipv4.google ipv6.google", "com"),
        "forcesafesearch.google.com",
    ),
    "bing": (_each("bing www.bing cn.bing global.bing edgeservices.bing", "com"), "strict.bing.com"),
    "duckduckgo": (
        _each("duckduckgo www.duckduckgo start.duckduckgo html.duckduckgo lite.duckduckgo noai.duckduckgo", "com"),
        "safe.duckduckgo.com",
    ),
    "youtube": (
        _each("youtube www.youtube m.youtube music.youtube youtube-nocookie www.youtube-nocookie", "com")
        | _each("youtube youtubei", "googleapis.com"),
        "restrict.youtube.com",
    ),
    "yandex": (_each("yandex www.yandex", _YANDEX) | _each("ya www.ya", "ru"), "familysearch.yandex.ru"),
    "ecosia": (_each("ecosia www.ecosia", "org"), "strict-safe-search.ecosia.org"),
    "brave": (_each("search.brave", "com"), "forcesafe.search.brave.com"),
}
ENGINE_OF: Mapping[str, str] = {host: engine for engine, (hosts, _) in ENGINES.items() for host in hosts}
