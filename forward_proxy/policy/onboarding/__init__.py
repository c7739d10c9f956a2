"""How a client comes to use this proxy: the setup page, the certificate in the form each platform opens, the PAC file.

All of it is pure: what is shown follows from the request, the client's connection and the settings.
"""

from forward_proxy.policy.onboarding.certificates import Certificate
from forward_proxy.policy.onboarding.pac import Pac
from forward_proxy.policy.onboarding.site import NO_ONBOARDING, Onboarding, answer, is_site

__all__ = ("NO_ONBOARDING", "Certificate", "Onboarding", "Pac", "answer", "is_site")
