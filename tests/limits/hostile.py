"""Hostile compose files of at most 10 kB, each made to cost more than it looks: name -> {file name: bytes}.

Every case has a `compose.yaml`; the other files beside it count for the 10 kB, too. A value may be a `Link` to a path.
"""

SIZE = 10_000


class Link(str):
    pass


def service(body, name="s"):
    return f"services:\n  {name}:\n    image: i\n{body}"


def fill(make, head="", tail=""):
    """As many of make(0), make(1), ... between head and tail as fit into the size."""
    parts, size, n = [head], len(head.encode()) + len(tail.encode()), 0
    while True:
        part = make(n)
        size += len(part.encode())
        if size > SIZE:
            return "".join(parts) + tail
        parts.append(part)
        n += 1


def nested(opening, closing, middle="", head="", tail=""):
    count = (SIZE - len(head) - len(tail) - len(middle)) // (len(opening) + len(closing))
    return head + opening * count + middle + closing * count + tail


def laughs(levels, width, what):
    """Each level names the one before it `width` times."""
    lines = ["x-l0: &l0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"]
    lines += [f"x-l{n}: &l{n} [" + ", ".join([f"*l{n - 1}"] * width) + "]\n" for n in range(1, levels)]
    return "".join(lines) + service("    command: *l%d\n" % (levels - 1)) if what == "list" else "".join(lines)


def alias_bombs():
    yield "laughs-10", laughs(40, 10, "list")
    yield "laughs-2", laughs(200, 2, "list")
    yield "laughs-1", laughs(400, 1, "list")
    maps = ["x-m0: &m0 {a: 1, b: 2, c: 3, d: 4, e: 5}\n"]
    maps += [f"x-m{n}: &m{n} {{" + ", ".join(f"k{i}: *m{n - 1}" for i in range(9)) + "}\n" for n in range(1, 60)]
    yield "laughs-maps", "".join(maps) + service("")
    yield "alias-often", fill(lambda n: "*a,", "x-a: &a [" + "z, " * 1200 + "z]\nx-b: [", "z]\n" + service(""))
    yield "alias-text", fill(lambda n: "*a,", "x-a: &a " + "z" * 5000 + "\nx-b: [", "z]\n" + service(""))
    yield "alias-env", fill(lambda n: f"  s{n}: {{image: i, environment: *a}}\n",
                            "x-a: &a {" + ", ".join(f"k{i}: v" for i in range(500)) + "}\nservices:\n")
    yield "alias-ports", fill(lambda n: f"  s{n}: {{image: i, ports: *a}}\n", "x-a: &a ['1-65535']\nservices:\n")
    yield "alias-service", fill(lambda n: f"  s{n}: *a\n", "x-a: &a {image: i, environment: {" +
                                ", ".join(f"k{i}: v" for i in range(400)) + "}}\nservices:\n")
    yield "alias-self", "x-a: &a [*a]\n" + service("")
    yield "anchors-nested", nested("&a [", "]", head="x-a: ", tail="\n" + service(""))
    yield "anchors-deep", "x-a: " + "".join(f"&a{n} [" for n in range(600)) + "]" * 600 + "\n" + service("")
    yield "anchors-many", fill(lambda n: f"x-{n}: &a{n} {{}}\n", service(""))
    merge = ["x-m0: &m0 {" + ", ".join(f"a{i}: 1" for i in range(50)) + "}\n"]
    merge += [f"x-m{n}: &m{n} {{<<: [" + ", ".join([f"*m{n - 1}"] * 9) + f"], b{n}: 1}}\n" for n in range(1, 100)]
    yield "merge-nested", "".join(merge) + service("    environment: *m99\n")
    yield "merge-often", fill(lambda n: "*a,", "x-a: &a {" + ", ".join(f"k{i}: 1" for i in range(400)) + "}\nx-b: {<<: [",
                              "*a]}\n" + service(""))
    yield "merge-wide", fill(lambda n: f"x-{n}: {{<<: *a}}\n", "x-a: &a {" + ", ".join(f"k{i}: 1" for i in range(400)) + "}\n" + service(""))


def deep():
    yield "deep-flow-lists", nested("[", "]", head="x-a: ", tail="\n" + service(""))
    yield "deep-flow-open", "x-a: " + "[" * 9900
    yield "deep-flow-maps", nested("{a: ", "}", head="x-a: ", tail="\n" + service(""))
    yield "deep-flow-maps-open", "x-a: " + "{" * 9900
    yield "deep-flow-mixed", nested("[{a: ", "}]", head="x-a: ", tail="\n" + service(""))
    yield "deep-dashes", "x-a:\n  " + "- " * 4900 + "a\n" + service("")
    yield "deep-keys", "? " * 4900 + "a\n"
    yield "deep-indent", "".join(" " * n + "a:\n" for n in range(135)) + service("")
    yield "deep-in-service", nested("[", "]", head=service("    command: "), tail="\n")
    yield "deep-in-environment", nested("{a: ", "}", head=service("    environment: "), tail="\n")
    yield "deep-in-labels", nested("[", "]", head=service("    labels: "), tail="\n")
    yield "deep-reset", nested("!reset [", "]", head="x-a: ", tail="\n" + service(""))
    yield "deep-override", nested("!override [", "]", head=service("    command: "), tail="\n")


def interpolation():
    yield "nested-defaults", nested("${A:-", "}", head=service("    command: \""), tail="\"\n")
    yield "nested-defaults-set", nested("${HOME:+", "}", head=service("    command: \""), tail="\"\n")
    yield "nested-60", fill(lambda n: "${A:-" * 60 + "}" * 60, service("    command: \""), "\"\n")
    yield "nested-60-error", fill(lambda n: "${A:?" * 60 + "}" * 60, service("    command: \""), "\"\n")
    yield "open-braces", service("    command: \"" + "${" * 4900 + "\"\n")
    yield "open-defaults", service("    command: \"" + "${A:-" * 1900 + "\"\n")
    yield "open-one-end", service("    command: \"" + "${A-" * 2400 + "}\"\n")
    yield "one-end-many", service("    command: \"" + "${" * 3000 + "}" * 3000 + "\"\n")
    yield "braces-without", service("    command: \"" + "${A}" * 2400 + "\"\n")
    yield "variables-many", fill(lambda n: f"$V{n} ", service("    command: \""), "\"\n")
    yield "variables-lists", fill(lambda n: f"      - $V{n}\n", service("    command:\n"))
    yield "dollars", service("    command: \"" + "$" * 9900 + "\"\n")
    yield "path-lists", fill(lambda n: "['$PATH$PATH$PATH'],", service("    command: ["), "]\n")
    bomb = [f"A{n}=" + f"${{A{n - 1}}}" * 10 for n in range(1, 60)]
    yield "dotenv-bomb", {"compose.yaml": service("    command: $A59\n"), ".env": "A0=lol\n" + "\n".join(bomb) + "\n"}
    yield "dotenv-double", {"compose.yaml": service("    command: $A\n"), ".env": "A=aaaaaaaa\n" + "A=$A$A\n" * 1200}
    yield "env-file-bomb", {"compose.yaml": service("    env_file: e\n"), "e": "A0=lol\n" + "\n".join(bomb) + "\n"}
    yield "env-file-self", {"compose.yaml": service("    env_file: e\n"), "e": "A=aaaaaaaaaaaaaaaa\n" + "A=$A$A\n" * 1200}
    yield "env-file-nested", {"compose.yaml": service("    env_file: e\n"), "e": nested("${A:-", "}", head="B=", tail="\n")[:9000]}
    yield "long-value-often", {"compose.yaml": fill(lambda n: "$A", service("    command: "), "\n")[:7000], ".env": "A=" + "a" * 2900}
    yield "long-value-items", {"compose.yaml": fill(lambda n: "$A,", service("    command: ["), "]\n")[:6000] + "]\n", ".env": "A=" + "a" * 3900}


def numbers():
    yield "ports-range", fill(lambda n: "      - 1-65535:1-65535\n", service("    ports:\n"))
    yield "ports-open-range", fill(lambda n: "      - 1-65535\n", service("    ports:\n"))
    yield "ports-services", fill(lambda n: f"  s{n}: {{image: i, ports: ['1-65535:1-65535']}}\n", "services:\n")
    yield "ports-small-ranges", fill(lambda n: f"  s{n}: {{image: i, ports: ['1-300:1-300']}}\n", "services:\n")
    yield "ports-host-range", fill(lambda n: f"      - 1-65535:{n + 1}\n", service("    ports:\n"))
    yield "ports-override", {"compose.yaml": fill(lambda n: "      - 1-20000\n", service("    ports:\n"))[:200]}
    yield "ports-long-form", fill(lambda n: "      - {target: 80, published: 1-65535}\n", service("    ports:\n"))
    yield "ports-digits", service("    ports: ['" + "1" * 9000 + "']\n")
    yield "expose-range", fill(lambda n: "      - 1-65535\n", service("    expose:\n"))
    yield "long-number", service("    mem_limit: " + "9" * 9000 + "\n")
    yield "long-float", service("    cpus: 0." + "9" * 9000 + "\n")
    yield "long-exponent", service("    cpus: 1e" + "9" * 9000 + "\n")
    yield "float-in-environment", fill(lambda n: f"      K{n}: 1e308\n", service("    environment:\n"))
    yield "long-duration", service("    stop_grace_period: " + "9" * 9000 + "h\n")
    yield "duration-parts", service("    stop_grace_period: " + "1h1m1s" * 1600 + "\n")
    yield "long-size", service("    shm_size: " + "9" * 9000 + "gb\n")
    yield "replicas", service("    deploy: {replicas: 2147483647}\n")
    yield "replicas-beyond", service("    deploy: {replicas: 99999999999999999999999}\n")
    yield "scale", service("    scale: 9223372036854775807\n")
    yield "restart", service("    restart: on-failure:" + "9" * 9000 + "\n")
    yield "base64", "x-a: !!binary " + "A" * 9900 + "\n" + service("")


def files():
    yield "include-self", "include: [compose.yaml]\n" + service("")
    yield "include-self-often", fill(lambda n: "- compose.yaml\n", "include:\n")
    yield "include-two", {"compose.yaml": "include: [b.yaml]\n", "b.yaml": "include: [compose.yaml]\n"}
    yield "include-fan-out", dict([(f"f{n}.yaml", f"include: [f{n + 1}.yaml, f{n + 1}.yaml, f{n + 1}.yaml]\n") for n in range(100)] +
                                  [("compose.yaml", "include: [f0.yaml]\n"), ("f100.yaml", service(""))])
    yield "include-one-often", {"compose.yaml": fill(lambda n: "- b.yaml\n", "include:\n")[:5000].rsplit("-", 1)[0],
                                "b.yaml": fill(lambda n: f"  s{n}: {{image: i}}\n", "services:\n")[:4980].rsplit("\n", 1)[0] + "\n"}
    yield "include-chain", dict([(f"f{n}.yaml", f"include: [f{n + 1}.yaml]\n") for n in range(370)] +
                                [("compose.yaml", "include: [f0.yaml]\n"), ("f370.yaml", service(""))])
    yield "include-device", "include: [/dev/zero]\n"
    yield "include-full", "include: [/dev/full]\n"
    yield "include-directory", "include: [/]\n"
    yield "include-links", {"compose.yaml": "include: [a]\n", "a": Link("b"), "b": Link("a")}
    yield "extends-self", service("    extends: {service: s}\n")
    yield "extends-loop", fill(lambda n: f"  s{n}: {{extends: s{n + 1}}}\n", "services:\n", "  s999: {extends: s0}\n")
    yield "extends-chain", fill(lambda n: f"  s{n + 1}: {{extends: s{n}}}\n", "services:\n  s0: {image: i}\n")
    yield "extends-chain-up", "services:\n" + "".join(f"  s{n}: {{extends: s{n + 1}}}\n" for n in range(370)) + "  s370: {image: i}\n"
    yield "extends-growing", "services:\n  s0: {image: i, dns: [a, b, c, d]}\n" + "".join(
        f"  s{n + 1}: {{extends: s{n}, security_opt: [a, b, c, d]}}\n" for n in range(180))
    yield "extends-many-notes", "services:\n  s0: {imag: i}\n" + "".join(f"  s{n + 1}: {{extends: s{n}}}\n" for n in range(360))
    yield "extends-bomb", "".join([f"x-l{n}: &l{n} [" + ", ".join([f"*l{n - 1}" if n else "z"] * 8) + "]\n" for n in range(4)]) + fill(
        lambda n: f" s{n}: {{extends: b}}\n", "services:\n b: {image: i, x-b: *l3}\n")[:9000].rsplit("\n", 1)[0] + "\n"
    yield "extends-ports", fill(lambda n: f"  s{n}: {{extends: b}}\n", "services:\n  b: {image: i, ports: ['1-9000']}\n")
    yield "extends-wide", fill(lambda n: f"  s{n}: {{extends: b}}\n", "services:\n  b: {image: i, environment: {" +
                               ", ".join(f"k{i}: v" for i in range(500)) + "}}\n")
    yield "extends-file-self", service("    extends: {service: s, file: compose.yaml}\n")
    yield "extends-file-two", {"compose.yaml": service("    extends: {service: s, file: b.yaml}\n"),
                               "b.yaml": service("    extends: {service: s, file: compose.yaml}\n")}
    yield "extends-file-often", fill(lambda n: f"  s{n}: {{extends: {{service: b, file: b.yaml}}}}\n", "services:\n",)[:6000].rsplit("\n", 1)[0] + "\n"
    yield "extends-file-own", {"compose.yaml": fill(lambda n: f"  s{n}: {{extends: {{service: b, file: compose.yaml}}}}\n",
                                                    "services:\n  b: {image: i}\n")}
    yield "extends-device", service("    extends: {service: s, file: /dev/zero}\n")
    yield "env-file-device", service("    env_file: /dev/zero\n")
    yield "env-file-random", service("    env_file: /dev/urandom\n")
    yield "env-file-links", {"compose.yaml": service("    env_file: a\n"), "a": Link("b"), "b": Link("a")}
    yield "env-file-often", {"compose.yaml": fill(lambda n: "      - e\n", service("    env_file:\n"))[:5000].rsplit(" ", 8)[0],
                             "e": fill(lambda n: f"K{n}=v\n")[:4900]}
    yield "env-file-services", {"compose.yaml": fill(lambda n: f"  s{n}: {{image: i, env_file: e}}\n", "services:\n")[:6000].rsplit("\n", 1)[0] + "\n",
                                "e": fill(lambda n: f"K{n}=v\n")[:3900]}
    yield "env-file-not-closed", {"compose.yaml": service("    env_file: e\n"), "e": "A='" + "a" * 9000}
    yield "env-file-quotes", {"compose.yaml": service("    env_file: e\n"), "e": "A=\"\\" * 2400}
    yield "label-file-device", service("    label_file: /dev/zero\n")
    yield "secret-device", "secrets: {a: {file: /dev/zero}}\nconfigs: {a: {file: /dev/zero}}\n" + service("    secrets: [a]\n")
    yield "seccomp-device", service("    security_opt: ['seccomp:/dev/zero']\n")
    yield "dotenv-device", {"compose.yaml": service(""), ".env": Link("/dev/zero")}
    yield "compose-device", {"compose.yaml": Link("/dev/zero")}
    yield "compose-links", {"compose.yaml": Link("compose.yml"), "compose.yml": Link("compose.yaml")}


def many():
    yield "services-many", fill(lambda n: f" s{n}: {{image: i}}\n", "services:\n")
    yield "services-empty", fill(lambda n: f" s{n}:\n", "services:\n")
    yield "services-unknown-key", fill(lambda n: f" s{n}: {{imag: i}}\n", "services:\n")
    yield "keys-unknown", fill(lambda n: f"    k{n}: 1\n", service(""))
    yield "keys-unknown-top", fill(lambda n: f"k{n}: 1\n", service(""))
    yield "keys-twice", fill(lambda n: "    image: 1\n", service(""))
    yield "keys-not-text", fill(lambda n: f"{n}: 1\n", service(""))
    yield "depends-all", fill(lambda n: f"  s{n}: {{image: i, depends_on: [a]}}\n", "services:\n")
    yield "depends-unknown", fill(lambda n: f"q{n},", service("    depends_on: ["), "]\n")
    yield "depends-chain", "services:\n" + "".join(f"  s{n}: {{image: i, depends_on: [s{n + 1}]}}\n" for n in range(240)) + "  s240: {image: i}\n"
    yield "depends-diamonds", "services:\n  s0: {image: i}\n  t0: {image: i}\n" + "".join(
        f"  {c}{n}: {{image: i, depends_on: [s{n - 1}, t{n - 1}]}}\n" for n in range(1, 105) for c in "st")
    yield "depends-cycle", "services:\n" + "".join(f"  s{n}: {{image: i, depends_on: [s{(n + 1) % 240}]}}\n" for n in range(240))
    yield "depends-complete", "services:\n" + "".join(
        f" {chr(97 + n)}: {{image: i, depends_on: [{', '.join(chr(97 + m) for m in range(26) if m != n)}]}}\n" for n in range(26))
    yield "profiles-many", fill(lambda n: f"p{n},", service("    profiles: ["), "]\n")
    yield "networks-many", fill(lambda n: f" n{n}:\n", service("") + "networks:\n")
    yield "networks-missing", fill(lambda n: f"n{n},", service("    networks: ["), "]\n")
    yield "volumes-many", fill(lambda n: f"      - v{n}:/{n}\n", service("    volumes:\n"))
    yield "volumes-same", fill(lambda n: "      - v:/a\n", service("    volumes:\n"))
    yield "environment-many", fill(lambda n: f"      K{n}: v\n", service("    environment:\n"))
    yield "environment-list", fill(lambda n: f"      - K{n}=v\n", service("    environment:\n"))
    yield "environment-same", fill(lambda n: "      - K=v\n", service("    environment:\n"))
    yield "labels-many", fill(lambda n: f"      K{n}: v\n", service("    labels:\n"))
    yield "hosts-many", fill(lambda n: f"      - h{n}=1.1.1.1\n", service("    extra_hosts:\n"))
    yield "documents-many", fill(lambda n: "---\n", service("") )
    yield "documents-services", fill(lambda n: f"---\nservices: {{a: {{environment: {{K{n}: v}}}}}}\n", "services: {a: {image: i}}\n")
    yield "documents-lists", fill(lambda n: "---\nservices: {a: {security_opt: [b]}}\n", "services: {a: {image: i}}\n")
    yield "documents-hooks", fill(lambda n: "--- {services: {a: {dns: [b]}}}\n", "services: {a: {image: i}}\n")
    yield "x-keys", fill(lambda n: f"x-{n}: 1\n", service(""))
    yield "reset-many", fill(lambda n: f"    k{n}: !reset\n", service(""))
    yield "long-key", "a" * 9900 + ": 1\n"
    yield "long-unknown-service", service("    depends_on: [" + "b" * 9000 + "]\n")
    yield "long-words", fill(lambda n: f"  {'a' * 60}{n}: {{imag: {'i' * 60}}}\n", "services:\n")
    yield "hints-long", service("    " + "e" * 4900 + ": 1\n    " + "f" * 4900 + ": 1\n")


def letters():
    yield "long-line", "services: {s: {image: i, command: [" + "a, " * 3200 + "b], imag: 2}}\n"
    yield "long-line-error", service("    command: \"" + "a" * 9000 + "\n")
    yield "nul", "services:\n  s:\n    image: \"a\0b\"\n"
    yield "nul-all", "\0" * 9900
    yield "binary", bytes(range(256)) * 39
    yield "not-utf8", b"services:\n  s:\n    image: \xff\xfe\n"
    yield "utf16", service("").encode("utf-16")
    yield "utf16-without-mark", service("").encode("utf-16-le")
    yield "utf32", service("").encode("utf-32")
    yield "bom", b"\xef\xbb\xbf" + service("").encode()
    yield "escapes", service("    \"\\e[31mred\\e]0;title\\a\": 1\n    image\\x1b[2J: 2\n")
    yield "escapes-raw", b"services:\n  s:\n    image: i\n    \x1b[31m: 1\n"
    yield "tabs", "services:\n" + "\t" * 9900 + "s:\n"
    yield "tab-lines", fill(lambda n: "\ts:\n", "services:\n")
    yield "carriage", service("").replace("\n", "\r\n")
    yield "carriage-alone", service("").replace("\n", "\r")
    yield "empty-lines", "\n" * 9900
    yield "spaces", " " * 9900
    yield "comments", "#" * 9900
    yield "commas", "x-a: [" + "," * 9900
    yield "colons", ":" * 9900
    yield "quotes", "'" * 9900
    yield "double-quotes", "\"" * 9901
    yield "backslashes", "x-a: \"" + "\\" * 9001 + "\"\n"
    yield "bars", "|\n" * 4900
    yield "block-indents", "x-a: |9\n" + " " * 9000 + "a\n"
    yield "folded", "x-a: >\n" + " a\n\n" * 2400 + service("")
    yield "questions", "?\n" * 4900
    yield "bangs", "!" * 9900
    yield "tags", "x-a: " + "!a " * 3000
    yield "tag-long", "x-a: !" + "a" * 9000 + " b\n" + service("")
    yield "directives", "%YAML 1.2\n" * 900 + "---\n" + service("")
    yield "tag-directives", fill(lambda n: f"%TAG !a{n}! tag:a,{n}:\n", "", "---\n" + service(""))
    yield "ampersands", "&" * 9900
    yield "anchor-long", "x-a: &" + "a" * 9000 + " b\n" + service("")
    yield "plain-lines", service("    command:\n") + "      a\n" * 1200
    yield "quoted-lines", service("    command: \"") + "      a\n" * 1200 + "\"\n"
    yield "colon-lines", service("    command: ") + "a: b\n      " * 800 + "\n"
    yield "wide", service("    imäge: " + "ä" * 4000 + "\n")
    yield "combining", service("    ima" + "\u0301" * 4000 + ": 1\n")
    yield "bidi", service("    \u202eegami: 1\n")
    yield "command-words", service("    command: " + "a " * 4900 + "\n")
    yield "command-quotes", service("    command: '" + "\"a\" " * 2400 + "'\n")


def all_cases():
    for group in (alias_bombs, deep, interpolation, numbers, files, many, letters):
        for name, made in group():
            if not isinstance(made, dict):
                made = {"compose.yaml": made}
            if name == "extends-file-often":
                made["b.yaml"] = "services: {b: {image: i, environment: {" + ", ".join(f"k{i}: v" for i in range(380)) + "}}}\n"
            yield name, {path: text if isinstance(text, (Link, bytes)) else text.encode() for path, text in made.items()}
