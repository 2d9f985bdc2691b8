"""What a playbook wrote stays in the image, although LXD has a template for that file."""

import pytest

from releve.providers.lxd.templates import is_overwritten

HOSTNAME = b"{{ instance.name }}\n"


@pytest.mark.parametrize(
    ("template", "written", "overwritten"),
    [
        (HOSTNAME, b"blog-x1\n", False),  # as LXD made it: the next instance gets its own name
        (HOSTNAME, b"blog\n", True),
        (b"{{ container.name }}", b"blog-x1\n", False),
        (b"127.0.1.1 {{instance.name}}\n", b"127.0.1.1 blog-x1\n10.0.0.3 db\n", True),
        (b"{% if x %}{{ instance.name }}{% endif %}", b"blog\n", False),  # ours cannot render it
        (b"{{ config_get('user.meta-data', '') }}", b"", False),
        (None, b"blog\n", False),
        (HOSTNAME, None, False),
    ],
)
def test_a_template_goes_where_somebody_wrote_something_else(
    *, template: bytes | None, written: bytes | None, overwritten: bool
) -> None:
    told = is_overwritten(template=template, written=written, instance="blog-x1")
    assert told is overwritten
