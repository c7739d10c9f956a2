"""Which tags did the origin give a response, to have it purged by?

No RFC defines them.  `Surrogate-Key`, which Fastly made, separates them by white space, `Cache-Tag`, which Cloudflare
made, by commas with white space ignored around them.  ASCII case is ignored in both, as Cloudflare does: of two
readings the one that purges more is the safe one.
"""

from forward_proxy.message.fields import FieldSection


def tags_of(fields: FieldSection) -> frozenset[bytes]:
    """The tags of both fields, in lower case.  Never raises."""
    tags = [tag for value in fields.get_all(b"surrogate-key") for tag in value.split()]
    tags += [tag.strip(b" \t") for value in fields.get_all(b"cache-tag") for tag in value.split(b",")]
    return frozenset(tag.lower() for tag in tags if tag)
