"""What of a target URI only follows people around, and what does the target look like without it?"""

from forward_proxy.cleaning.catalogue import Catalogue
from forward_proxy.cleaning.names import Names
from forward_proxy.cleaning.treatments import Cleaned, Keep, Remove, Removed, Tracking, Treatment, Unwrap, navigates

__all__ = (
    "Catalogue",
    "Cleaned",
    "Keep",
    "Names",
    "Remove",
    "Removed",
    "Tracking",
    "Treatment",
    "Unwrap",
    "navigates",
)
