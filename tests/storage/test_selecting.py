import pytest

from forward_proxy.storage.selecting import matching, of_host, of_target

from .responses import head, target


@pytest.mark.parametrize(
    ("host", "url", "selected"),
    [
        ("example.com", "https://example.com/", True),
        ("example.com", "http://www.example.com:8080/", True),
        ("example.com", "https://notexample.com/", False),
        ("example.com", "https://example.com.evil.test/", False),
        ("192.0.2.1", "http://192.0.2.1/", True),
        ("2001:db8::1", "http://[2001:db8::1]/", True),
    ],
)
def test_a_host_means_itself_and_what_is_below(host: str, url: str, selected: bool) -> None:
    assert of_host(host)(head(url)) is selected


@pytest.mark.parametrize(
    ("glob", "selected"),
    [
        ("https://www.example.com/a?b=1", True),
        ("*", True),
        ("*/a*", True),
        ("*/[ab]?b=?", True),
        ("www.example.com", False),
        ("https://www.example.com/", False),
        ("HTTPS://*", False),
        ("[", False),
    ],
)
def test_a_pattern_is_for_the_whole_url(glob: str, selected: bool) -> None:
    assert matching(glob)(head("https://www.example.com/a?b=1")) is selected


def test_a_target_is_that_one_alone() -> None:
    selects = of_target(target("https://www.example.com/a"))
    assert selects(head("https://www.example.com/a"))
    assert not selects(head("https://www.example.com/a?"))
