import pytest

from forward_proxy.matching.sites import same_site, site_of


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("www.example.com", "example.com"),
        ("a.b.shop.co.uk", "shop.co.uk"),
        ("user.github.io", "user.github.io"),
        ("www.user.github.io", "user.github.io"),
        ("co.uk", "co.uk"),
        ("localhost", "localhost"),
        ("a.b.test", "b.test"),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::1"),
        ("www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
    ],
)
def test_the_site_is_the_registrable_domain_or_the_host_itself(host: str, site: str) -> None:
    assert site_of(host) == site


def test_addresses_that_end_alike_are_different_sites() -> None:
    assert not same_site("10.0.0.1", "192.0.0.1")
    assert same_site("10.0.0.1", "10.0.0.1")
