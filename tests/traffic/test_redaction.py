import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_proxy.traffic.redaction import names_a_secret, redact_text, redact_uri, visible

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
BLOB = "Zm9vYmFy1QxUuB7dPq9sWkE4tLmN0aXyHcVgJrT"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        # Userinfo, RFC 3986 §3.2.1.
        ("https://joe:pw@example.com/a", "https://***@example.com/a"),
        ("https://joe@example.com", "https://***@example.com"),
        ("joe:pw@example.com:443", "***@example.com:443"),
        ("https://joe:p@w@example.com/", "https://***@example.com/"),
        ("https://joe:p/w@example.com/a", "https://***@example.com/a"),
        ("https://joe:p?w@example.com/a", "https://***@example.com/a"),
        ("https://joe:p#w@example.com/a", "https://***@example.com/a"),
        ("https://mirror.example/http://joe:pw@example.com/a", "https://mirror.example/http://***@example.com/a"),
        # Parameters that say so by name, however it is spelled.
        ("https://a.example/?token=t1&page=2", "https://a.example/?token=***&page=2"),
        ("https://a.example/?page=2&ACCESS_TOKEN=t1", "https://a.example/?page=2&ACCESS_TOKEN=***"),
        ("https://a.example/?%74oken=t1", "https://a.example/?%74oken=***"),
        ("https://a.example/?password=a=b;c", "https://a.example/?password=***"),
        ("https://a.example/?user[password]=t1", "https://a.example/?user[password]=***"),
        ("https://a.example/?X-Amz-Signature=t1&X-Amz-Date=2", "https://a.example/?X-Amz-Signature=***&X-Amz-Date=2"),
        ("https://a.example/?x=1;token=t1", "https://a.example/?x=***"),
        ("https://a.example/?state=CA&q=x", "https://a.example/?state=CA&q=x"),
        ("https://a.example/?state=af0ifjsldkj8", "https://a.example/?state=***"),
        ('https://a.example/?d={"password":"t1"}', "https://a.example/?d=***"),
        # A URI in a value, through layers of percent-encoding.
        ("https://a.example/?next=https%3A%2F%2Fb.example%2F%3Ftoken%3Dt1", "https://a.example/?next=***"),
        ("https://a.example/?next=https%253A%252F%252Fjoe%253Apw%2540b.example", "https://a.example/?next=***"),
        ("https://a.example/?next=%2525252525token", "https://a.example/?next=***"),
        ("https://a.example/?next=https%3A%2F%2Fb.example%2F", "https://a.example/?next=https%3A%2F%2Fb.example%2F"),
        # Values that look like tokens.
        (f"https://a.example/?v={JWT}", "https://a.example/?v=***"),
        (f"https://a.example/?{JWT}", "https://a.example/?***"),
        (f"https://a.example/?v={BLOB}", "https://a.example/?v=***"),
        ("https://a.example/?v=d41d8cd98f00b204e9800998ecf8427e", "https://a.example/?v=***"),
        (f"https://a.example/reset/{JWT}/now", "https://a.example/reset/***/now"),
        (f"https://a.example/hook/{BLOB}", "https://a.example/hook/***"),
        ("https://a.example/app;jsessionid=0A1B/x", "https://a.example/app;jsessionid=***/x"),
        # Fragments.
        ("https://a.example/#access_token=t1", "https://a.example/#***"),
    ],
)
def test_secrets_of_a_uri_are_masked(written: str, kept: str) -> None:
    assert redact_uri(written) == kept
    assert redact_uri(kept) == kept


@pytest.mark.parametrize(
    "uri",
    [
        "https://a.example/",
        "a.example:443",
        "[2001:db8::1]:443",
        "auth:8443",
        "https://[2001:db8::1]:8443/x?y",
        "https://registry.example/@scope/pkg@1.2.3",
        "https://a.example/main.d41d8cd98f00b204e9800998ecf8427e.js",
        "https://a.example/?q=summer%20sale&page=2&t=10:30",
        "https://a.example/a-rather-long-title-of-some-page-in-2026-and-then-some",
        "https://a.example/?id=123e4567-e89b-12d3-a456-426614174000",
        "*",
        "",
    ],
)
def test_what_is_no_secret_stays(uri: str) -> None:
    assert redact_uri(uri) == uri


@pytest.mark.parametrize(
    "names",
    [
        ("token", "access_token", "id_token", "code", "key", "api_key", "apikey", "sig", "signature", "jwt", "auth"),
        ("password", "passwd", "pwd", "secret", "session", "sid", "PHPSESSID", "jsessionid", "Authorization"),
        ("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "accessToken", "clientSecret"),
        ("oauth_verifier", "user%5Bpassword%5D", "p%61ssword"),
    ],
)
def test_names_of_secrets(names: tuple[str, ...]) -> None:
    assert [name for name in names if not names_a_secret(name)] == []


@pytest.mark.parametrize("name", ["page", "author", "keyboard", "monkey", "country_code", "signal", "passenger", ""])
def test_names_of_nothing_secret(name: str) -> None:
    assert not names_a_secret(name)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("moved to https://joe:pw@b.example/?key=1, gave up", "moved to https://***@b.example/?key=*** gave up"),
        (f"refused {JWT}", "refused ***"),
        ("bad field password=t1 here", "bad field password=*** here"),
        ("status code: 502", "status code: 502"),
    ],
)
def test_words_that_quote_a_secret(written: str, kept: str) -> None:
    assert redact_text(written) == kept


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain text é 漢", "plain text é 漢"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb\tc\x7f", "a\\x0d\\x0ab\\x09c\\x7f"),
        ("\x9bA", "\\x9bA"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028break", "line\\u2028break"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_might_act_on_is_spelled(written: str, shown: str) -> None:
    assert visible(written) == shown
    assert visible(shown) == shown


# A secret that no other part of a URI can contain by chance.
SECRETS = st.text(string.ascii_letters + string.digits + "-._~!*'()+,:@%", min_size=1).map(lambda text: f"zQ7{text}")
SECRET_NAMES = st.sampled_from(["token", "access_token", "Code", "key", "api-key", "sig", "pwd", "user[password]"])
PARTS = st.text("abc/?&=;%.-", max_size=20)


@given(PARTS, SECRET_NAMES, SECRETS, PARTS)
def test_a_secret_parameter_never_appears(before: str, name: str, secret: str, after: str) -> None:
    assert "zQ7" not in redact_uri(f"https://a.example/?{before}&{name}={secret}&{after}")


@given(SECRETS, PARTS)
def test_a_password_never_appears(secret: str, path: str) -> None:
    assert "zQ7" not in redact_uri(f"https://joe:{secret}@a.example/{path}")


@given(PARTS, SECRETS)
def test_a_fragment_never_appears(path: str, secret: str) -> None:
    assert "zQ7" not in redact_uri(f"https://a.example/{path}#{secret}")


@given(PARTS, st.text(string.ascii_letters + string.digits + "-_", min_size=10), PARTS)
def test_a_json_web_token_never_appears(before: str, rest: str, after: str) -> None:
    token = f"eyJzQ7{rest}.{rest}"
    assert "zQ7" not in redact_uri(f"https://a.example/{before}/{token}?{after}")
    assert "zQ7" not in redact_uri(f"https://a.example/?a={token}&{after}")
    assert "zQ7" not in redact_text(f"{before} {token} {after}")


URI_LIKE = st.text(string.ascii_letters + string.digits + ":/?#[]@!$&'()*+,;=-._~% \"{}", max_size=120)


@given(URI_LIKE | st.text(max_size=60))
def test_masking_twice_is_masking_once(text: str) -> None:
    assert redact_uri(redact_uri(text)) == redact_uri(text)
    assert redact_text(redact_text(text)) == redact_text(text)


@given(st.text(st.characters(exclude_categories=[])))
def test_visible_text_prints_whatever_was_written(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize("piece", ["//", "a", "=", "eyJ", "%25", "a=", "@", ":", "A1a", "?&", "[", '"'])
def test_time_is_linear_in_the_text(piece: str) -> None:
    """A quadratic pattern would take minutes; the suite's time limit is the assertion."""
    hostile = piece * (60_000 // len(piece))
    for text in (hostile, f"https://{hostile}", f"https://a.example/{hostile}", f"https://a.example/?a={hostile}"):
        redact_uri(text)
        redact_text(text)
