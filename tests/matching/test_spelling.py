"""No spelling of a denied URL passes: each of these reaches the same host, so each must match the same rule."""

from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from tests.matching.requests import matcher, subject

LABELS = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True)
NAMES = st.lists(LABELS, min_size=2, max_size=4).map(".".join)
PATHS = st.lists(st.from_regex(r"[a-z0-9~_-]{1,6}", fullmatch=True), min_size=1, max_size=3).map("/".join)


@st.composite
def spelled(draw: st.DrawFn, text: str) -> str:
    """The text with any character in the other case or percent-encoded."""
    ways = (str, str.upper, lambda char: f"%{ord(char):02x}", lambda char: f"%{ord(char):02X}")
    return "".join(draw(st.sampled_from(ways))(char) for char in text)


@st.composite
def address_spelled(draw: st.DrawFn, address: IPv4Address) -> str:
    """An IPv4 address in one of the notations that resolvers take."""
    octets = address.packed
    kept = draw(st.integers(0, 3))
    numbers = [*octets[:kept], int.from_bytes(octets[kept:])]
    ways = (str, hex, lambda number: f"0{number:o}", lambda number: f"0X{number:08X}")
    return ".".join(draw(st.sampled_from(ways))(number) for number in numbers)


@given(NAMES, st.booleans(), st.data())
def test_no_spelling_of_a_name_passes(name: str, below: bool, data: st.DataObject) -> None:
    host = data.draw(spelled(f"www.{name}" if below else name)) + data.draw(st.sampled_from(["", ".", "%2E", "%2e"]))
    port = data.draw(st.sampled_from(["", ":80", ":", ":8080"]))
    userinfo = data.draw(st.sampled_from(["", "user@", "good.test:pass@"]))
    url = f"{data.draw(st.sampled_from(['http', 'HTTP', 'ws']))}://{userinfo}{host}{port}/"
    assert matcher({"host": name}).matches(subject(url))
    assert not matcher({"not": {"host": name}}).matches(subject(url))


@given(st.sampled_from(["bücher.example", "faß.test", "例え.テスト", "straße.de", "ελλάδα.gr"]), st.data())
def test_no_spelling_of_an_internationalised_name_passes(name: str, data: st.DataObject) -> None:
    canonical = subject(f"http://{name}/").host
    escaped = "".join(f"%{octet:02X}" for octet in name.encode())
    fullwidth = name.replace(".", data.draw(st.sampled_from(["。", "．", "｡", "."])))
    spelling = data.draw(st.sampled_from([name, canonical, canonical.upper(), escaped, fullwidth]))
    assert matcher({"host": name}).matches(subject(f"http://{spelling}/"))
    assert matcher({"host": canonical}).matches(subject(f"http://{spelling}/"))


@given(st.ip_addresses(v=4), st.data())
def test_no_notation_of_an_address_passes(address: IPv4Address, data: st.DataObject) -> None:
    mapped = IPv6Address(f"::ffff:{address}")
    notations = [data.draw(address_spelled(address)), f"[{mapped}]", f"[{mapped.exploded}]", f"[::FFFF:{address}]"]
    for notation in notations:
        assert matcher({"host": str(address)}).matches(subject(f"http://{notation}/")), notation


@given(PATHS, st.data())
def test_no_spelling_of_a_path_passes(path: str, data: st.DataObject) -> None:
    escaped = "".join(data.draw(st.sampled_from([char, f"%{ord(char):02x}"])) if char != "/" else char for char in path)
    noise = st.sampled_from(["/", "//", "/./", "/x/../", "/%2e/", "/x/%2E%2e/"])
    spelling = data.draw(noise) + escaped.replace("/", data.draw(noise)) + data.draw(st.sampled_from(["", "?q", "#f"]))
    assert matcher({"path": f"/{path}"}).matches(subject(f"http://example.com{spelling}"))
