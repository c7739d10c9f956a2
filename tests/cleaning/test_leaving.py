"""What no list and no rule may touch, and what looks like it and may be."""

import pytest

from forward_proxy.cleaning.leaving import left_alone, signed
from tests.cleaning.lists import head

LEFT = (
    "https://shop.example/login?x",
    "https://shop.example/account/sign-in",
    "https://shop.example/users/sign_in",
    "https://shop.example/Login.aspx",
    "https://shop.example/wp-login.php",
    "https://shop.example/oauth2/authorize",
    "https://shop.example/connect/authorize",
    "https://shop.example/saml/SSO",
    "https://shop.example/adfs/ls/",
    "https://shop.example/cas/validate",
    "https://shop.example/checkout/step2",
    "https://shop.example/payment-methods",
    "https://shop.example/3ds/challenge",
    "https://shop.example/cdn-cgi/challenge-platform/h/b",
    "https://shop.example/recaptcha/api2/anchor",
    "https://shop.example/password-reset",
    "https://shop.example/verify/email",
    "https://shop.example/unsubscribe",
    "https://login.shop.example/",
    "https://accounts.google.com/o/",
    "https://login.microsoftonline.com/common",
    "https://pay.shop.example/",
    "https://www.paypal.com/webscr",
    "https://checkout.stripe.com/c",
    "https://newassets.hcaptcha.com/",
    "https://shop.example/back?code=abc&state=x",
    "https://shop.example/?state=x",
    "https://shop.example/?SAMLRequest=a",
    "https://shop.example/?SAMLResponse=a",
    "https://shop.example/?RelayState=a",
    "https://shop.example/?redirect_uri=https://a.example/",
    "https://shop.example/?openid.mode=id_res",
    "https://shop.example/?oauth_token=1",
    "https://shop.example/?wa=wsignin1.0",
    "https://shop.example/?ticket=ST-1",
    "https://shop.example/?g-recaptcha-response=1",
    "https://shop.example/?__cf_chl_tk=1",
    "https://shop.example/?payment_intent=pi_1",
)
NOT_LEFT = (
    "https://shop.example/",
    "https://news.example/2026/11/how-to-choose-a-good-password-for-every-site",
    "https://news.example/paypal-outage-what-we-know-so-far-today",
    "https://shop.example/authors/ada",
    "https://shop.example/cart?item=1",
    "https://shop.example/statements?statecode=CA",
    "https://loginova.example/",
    "https://shop.example/encode?decode=1",
)


@pytest.mark.parametrize("url", LEFT)
def test_signing_in_captchas_and_paying_are_left_alone(url: str) -> None:
    assert left_alone(head(url))


@pytest.mark.parametrize("url", NOT_LEFT)
def test_what_only_speaks_of_them_is_not(url: str) -> None:
    assert left_alone(head(url)) == ""


@pytest.mark.parametrize("name", ["authorization", "signature", "signature-input"])
def test_a_request_that_may_sign_its_query_is_left_alone(name: str) -> None:
    assert left_alone(head("https://shop.example/?utm_source=1", fields=[(name, "x")])) == (
        f"the request has {name.title()}"
    )


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Signature=1", "X-Goog-Signature=1", "sv=1&sig=2", "Expires=1&Signature=2&Key-Pair-Id=3", "token=1",
        "hdnts=exp=1~hmac=2", "md5=1", "hash=1", "Policy=1", "access_token=1", "API_KEY=1", "x-oss-process=1",
    ],
)  # fmt: skip
def test_signed_targets_are_told(query: str) -> None:
    assert signed(head(f"https://files.example/a?utm_source=1&{query}").target)


@pytest.mark.parametrize("query", ["", "?a=1", "?keyword=1", "?design=1", "?hashtag=a", "?tokens_used=1"])
def test_others_are_not_signed(query: str) -> None:
    assert signed(head(f"https://files.example/a{query}").target) == ""


def test_the_reason_names_what_was_seen() -> None:
    assert left_alone(head("https://shop.example/a/login?b")) == "the path has login"
    assert left_alone(head("https://login.shop.example/")) == "the host has login in its name"
    assert left_alone(head("https://shop.example/?b&State=1")) == "the query has state"
