"""A QR code (ISO/IEC 18004) as SVG that stands in a page: black on white whatever the page's colours, for cameras."""

_MODULE_PX = 5
_QUIET_MODULES = 4  # What the standard asks for on each side.


def qr_code(text: str) -> str:
    """SVG of this text, a URL of a few hundred characters at most."""
    import segno  # Which takes as long as all the rest of a command: for those alone who see the page.

    return segno.make_qr(text, error="m").svg_inline(
        scale=_MODULE_PX, border=_QUIET_MODULES, dark="#000", light="#fff", svgclass=None, lineclass=None
    )
