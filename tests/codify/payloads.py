"""Hostile texts: what a server could have written anywhere, each with a canary that would tell."""

from pathlib import Path
from typing import Final

_MARK: Final = "CANARY"


def list_payloads(canary: Path) -> list[str]:
    """Each one, where it is run or rendered, makes a file in `canary`."""
    return [text.replace(_MARK, f"{canary}/{index}") for index, text in enumerate(_TEXTS)]


_TEXTS: Final = (
    # templates
    "{{ lookup('pipe','touch CANARY') }}",
    '{{ lookup("pipe","touch CANARY") }}',
    "{{ query('pipe','touch CANARY') }}",
    "{{ lookup('ansible.builtin.pipe','touch CANARY') }}",
    "{{lookup('pipe','touch CANARY')}}",
    "{{- lookup('pipe','touch CANARY') -}}",
    "{% set x = lookup('pipe','touch CANARY') %}",
    "{%- if lookup('pipe','touch CANARY') %}{% endif -%}",
    "{% raw %}{{ lookup('pipe','touch CANARY') }}{% endraw %}",
    "{% endraw %}{{ lookup('pipe','touch CANARY') }}",
    "{% endraw %}{% raw %}",
    "{# {{ lookup('pipe','touch CANARY') }} #}",
    "#}{{ lookup('pipe','touch CANARY') }}",
    "#jinja2: variable_start_string: '[%'\n[% lookup('pipe','touch CANARY') %]",
    "#jinja2:variable_start_string:'[[',variable_end_string:']]'",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ cycler.__init__.__globals__.os.system('touch CANARY') }}",
    "{{ self.__init__.__globals__ }}",
    "{{ hostvars }}", "{{ vars }}", "{{ ansible_password }}", "{{ 7*7 }}", "${7*7}", "#{7*7}",
    "<%= `touch CANARY` %>", "{{ item }}", "{{ omit }}", "{{ undefined_thing }}",
    "{{ lookup('file','/etc/shadow') }}", "{{ lookup('env','HOME') }}",
    "}}{{ lookup('pipe','touch CANARY') }}{{", "{{'{{'}}", "{{", "}}", "{%", "%}", "{#", "#}",
    "{{ '}}' }}", "{% include '/etc/passwd' %}", "{% import 'os' as os %}",
    # YAML
    "!vault |", "!unsafe x", "!!python/object/apply:os.system ['touch CANARY']",
    "!!python/object/new:os.system [touch CANARY]", "&a *a", "*a", "&a", "<<: *a", "- x", "? x",
    "x: y", "x:", ": y", "[a, b]", "{a: b}", "[", "]", "{", "}", "|", ">", "|-\n  x", "%YAML 1.1",
    "---", "...", "---\n- hosts: localhost", "\n- name: x\n  shell: touch CANARY", "# comment",
    "a # b", "@a", "`touch CANARY`", "'", '"', "''", '""', "\\", "\\n", "\\x41", "'\"'",
    # types
    "no", "yes", "on", "off", "true", "false", "null", "~", "", "NaN",
    ".inf", "1e3", "012", "0x1F",
    "0o17",
    "1_000", "1:30", "2024-01-01", "2024-01-01T00:00:00Z", "=", "<<", "*", "!", "&", "-",
    "?", "-1", "+1", "1.", "00", "Null", "NO", "y", "n",
    # Ansible's arguments and shells
    "k=v", "a=b c=d",
    "creates=/x", "chdir=/ touch CANARY", "state=absent path=/", "$(touch CANARY)",
    "; touch CANARY", "| touch CANARY", "&& touch CANARY", "`touch CANARY`", "\ntouch CANARY\n",
    "$HOME", "${HOME}", "~root", "~/x", "-rf", "--help", "-", "--", "../../etc/passwd", "../x",
    "%s", "%(x)s", "{0}", "{x!r}", "%n%n",
    # characters
    " lead", "trail ", "  ", "\t", "a\tb", "a\nb", "a\n", "\na", "a\r\nb", "\r", "a\x1b[2Jb",
    "\x1b]0;title\x07", "\x07", "\x08", "\x0b", "\x0c", "\x7f", "\x85", "a\x85b", "\u2028",
    "\u2029",
    "\u202eevil", "\u200b", "\ufeff", "\ufeffx", "\u00a0", "caf\u00e9", "cafe\u0301", "\U0001f600",
    "a" + "\u0301" * 50, "x" * 255, "x " * 200, "\x01\x02\x03", "\ue000", "\uffff",
    "\u0430pt",  # a homoglyph
)  # fmt: skip
