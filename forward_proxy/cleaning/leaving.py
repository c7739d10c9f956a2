"""What is left alone, whatever lists and rules say: requests that may mean something to the octet.

Signing in, proving to be a person and paying are conversations between sites by way of the browser's address bar, and
a signed URL is worth nothing once it is changed.  No list knows all of them, so they are told by what they look like,
and rather too often than too seldom: what is left alone only stays as it would be without cleaning.

- A path segment of at most four words is taken for a step of such a conversation when one of its words, or all of them
  run together, say so: `/oauth2/authorize`, `/sign-in`, `/saml/SSO`, `/cdn-cgi/challenge-platform`.  A longer one is
  the title of a page.
- A label of the host likewise: `login.shop.example`, `pay.example`.
- A parameter of OAuth 2.0 and OpenID Connect (RFC 6749, OpenID Connect Core 1.0), SAML 2.0 bindings, WS-Federation,
  CAS, or of a captcha's answer.
- A parameter that holds a signature or a token, as of S3, Google Cloud, Azure, CloudFront and most CDNs.  These speak
  against removing anything, but not against unwrapping: a wrapper often signs itself, and that signature goes, too.
- Authorization and the fields of HTTP Message Signatures (RFC 9421): what they sign may be the query.
"""

import re
from collections.abc import Iterable

from forward_proxy.message.heads import RequestHead
from forward_proxy.message.targets import TargetUri


def _words_of(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MOST_WORDS = 4
_WORD = re.compile(r"[a-z]+|[0-9]+")
_STEPS = _words_of(
    "2fa 3ds 3dsecure acs activate activation adfs adyen auth authenticate authentication authn authorise authorize "
    "authorization autologin banking billing callback captcha cas challenge challenges checkout confirm consent "
    "creditcard device donate eid fido forgotpassword hcaptcha idp invoice jwks klarna login logins loginform logoff "
    "logon logout magiclink mfa oauth oauth1 oauth2 oidc openid order otp passkey passwd password pay payment "
    "payments paypal recaptcha redsys refund register registration resetpassword saml saml2 samlp securecode session "
    "sessions signin signinoauth signoff signon signout signup sso stripe token tokens transaction turnstile "
    "twofactor unsubscribe verification verify wallet webauthn wsfed"
)
_HOST_LABELS = _words_of(
    "2fa 3ds 3dsecure account accounts acs adyen auth authn banking billing captcha cas challenge challenges checkout "
    "connect hcaptcha id identity idp klarna login logon mollie oauth oauth2 oidc openid pay payment payments paypal "
    "recaptcha safepay saml secure secure3d signin sso stripe turnstile wallet arkoselabs funcaptcha geetest "
    "microsoftonline okta auth0 onelogin worldpay braintreegateway"
)
_CONVERSATION = _words_of(
    "assertion client_assertion client_id code code_challenge code_verifier device_code error_description grant_type "
    "id_token id_token_hint login_challenge login_hint login_token logout_token magic_link nonce oauth_callback "
    "oauth_token oauth_verifier openid openid.mode otp password post_logout_redirect_uri redirect_uri relaystate "
    "request_uri response_mode response_type samlart samlencoding samlrequest samlresponse session_state sigalg sso "
    "state ticket user_code wa wctx wresult wtrealm g-recaptcha-response h-captcha-response cf-turnstile-response "
    "payment_intent payment_intent_client_secret paymentid payerid session_id setup_intent transaction_id"
)
_CONVERSATION_BEGINNINGS = ("__cf_chl", "cf_chl", "oauth_", "openid.")
_SIGNED = _words_of(
    "access_token accesskeyid api_key apikey auth auth_key authkey awsaccesskeyid googleaccessid hash hash_id hdnea "
    "hdnts hmac jwt key key-pair-id md5 ossaccesskeyid policy secret secure_token sig sign signature signed skey "
    "st_token ticket_id token urlsign verify wssecret xsig"
)
_SIGNED_BEGINNINGS = ("x-amz-", "x-goog-", "x-oss-", "x-cos-", "x-ms-", "hdn")
_SIGNING_FIELDS = (b"authorization", b"signature", b"signature-input")


def left_alone(head: RequestHead) -> str:
    """Why neither path nor query of this request may change, nor be passed over; empty when they may.  Never raises."""
    return _of_fields(head) or _of_place(head.target) or _of_names(head.target, _CONVERSATION, _CONVERSATION_BEGINNINGS)


def signed(target: TargetUri) -> str:
    """Why nothing may be removed from this target; empty when something may."""
    return _of_names(target, _SIGNED, _SIGNED_BEGINNINGS)


def _of_fields(head: RequestHead) -> str:
    named = next((name for name in _SIGNING_FIELDS if name in head.fields), None)
    return f"the request has {named.decode().title()}" if named else ""


def _of_place(target: TargetUri) -> str:
    for label in target.host.split(".")[:-1]:
        if not _HOST_LABELS.isdisjoint(_words(label)):
            return f"the host has {label} in its name"
    for segment in target.path.lower().split("/"):
        if segment and not _STEPS.isdisjoint(_words(segment)):
            return f"the path has {segment[:40]}"
    return ""


def _words(text: str) -> Iterable[str]:
    """The words of a host label or path segment and all of them run together; none of what reads like a title."""
    words = _WORD.findall(text)
    return (*words, "".join(words)) if len(words) <= _MOST_WORDS else ()


def _of_names(target: TargetUri, names: frozenset[str], beginnings: tuple[str, ...]) -> str:
    for parameter in (target.query or "").lower().split("&"):
        name = parameter.partition("=")[0]
        if name in names or name.startswith(beginnings):
            return f"the query has {name}"
    return ""
