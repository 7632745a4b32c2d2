"""Known-wrong answers to lab 12, and the misconception that each must draw."""


@wrong("lab12.build_prompt", draws="prompt.space-at-the-end")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [description] if description else []
    for x, y in [*examples, (query, "")]:
        lines.append(f"{input_label}: {x} {output_label}: {y}")
    return "\n".join(lines)


@wrong("lab12.build_prompt", draws="prompt.line-at-the-end")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    text = f"{description}\n" if description else ""
    for x, y in examples:
        text += f"{input_label}: {x} {output_label}: {y}\n"
    return text + f"{input_label}: {query} {output_label}:\n"


@wrong("lab12.build_prompt", draws="prompt.no-description")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    return "\n".join([*lines, f"{input_label}: {query} {output_label}:"])


@wrong("lab12.build_prompt", draws="prompt.no-answers")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    inputs = [x for x, _ in examples] + [query]
    lines = [description] if description else []
    return "\n".join([*lines, *(f"{input_label}: {x} {output_label}:" for x in inputs)])


@wrong("lab12.build_prompt", draws="prompt.examples-reversed")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [f"{input_label}: {query} {output_label}:"]
    for x, y in examples:
        lines.insert(0, f"{input_label}: {x} {output_label}: {y}")
    return "\n".join([description, *lines] if description else lines)


@wrong("lab12.build_prompt", draws="prompt.query-first")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [description, f"{input_label}: {query} {output_label}:"]
    lines += [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.no-label-at-the-end")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    lines = [description, *lines, f"{input_label}: {query}"]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.empty-line")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    return "\n".join([description, *lines, f"{input_label}: {query} {output_label}:"])


@wrong("lab12.build_prompt", draws="prompt.labels-ignored")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    lines = [description, *(f"Q: {x} A: {y}" for x, y in examples), f"Q: {query} A:"]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.empty-query")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    lines = [description, *lines, f"{input_label}: {query} {output_label}:"]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.one-line")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    solved = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    lines = [description, *solved, f"{input_label}: {query} {output_label}:"]
    return " ".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="prompt.one-example")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    line = ""
    for x, y in examples:
        line = f"{input_label}: {x} {output_label}: {y}"
    lines = [description, line, f"{input_label}: {query} {output_label}:"]
    return "\n".join(line for line in lines if line)


@wrong("lab12.build_prompt", draws="argument.changed")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query.strip():
        raise ValueError("empty query")
    # An example whose answer is still missing.
    examples += [(query, "")]
    lines = [f"{input_label}: {x} {output_label}: {y}" for x, y in examples]
    return "\n".join([description, *lines] if description else lines).rstrip()
