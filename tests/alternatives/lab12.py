"""Known-right answers to lab 12, written differently."""


@right("lab12.build_prompt", because="text may be put together piece by piece")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if query.strip() == "":
        raise ValueError("The query is empty.")
    text = description + "\n" if description else ""
    for example in examples:
        text += input_label + ": " + example[0] + " " + output_label + ": " + example[1] + "\n"
    return text + input_label + ": " + query + " " + output_label + ":"


@right("lab12.build_prompt", because="the query is an example whose answer is still missing")
def build_prompt(description, examples, query, input_label="Q", output_label="A"):
    if not query or query.isspace():
        raise ValueError("There is nothing to answer.")
    parts = [description, "\n"] if description else []
    for given, answer in (*examples, (query, None)):
        parts.append(f"{input_label}: {given} {output_label}:")
        if answer is not None:
            parts.append(f" {answer}\n")
    return "".join(parts)
