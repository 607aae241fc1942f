"""Checks that every example of an OpenAPI document fits its schema."""

import json
import sys

import jsonschema_rs


def resolve(document, value):
    while "$ref" in value:
        parts = value["$ref"].removeprefix("#/").split("/")
        value = document
        for part in parts:
            value = value[part.replace("~1", "/").replace("~0", "~")]
    return value


def contents(document, operation):
    yield "request", operation.get("requestBody", {}).get("content", {})
    for code, response in operation["responses"].items():
        yield code, resolve(document, response).get("content", {})


def examples(document):
    """Every example: its place in the document, its schema and its value."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            where = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", []):
                parameter = resolve(document, parameter)
                if "example" in parameter:
                    yield f"{where}, {parameter['name']}", parameter["schema"], parameter["example"]
            for part, content in contents(document, operation):
                for media in content.values():
                    if "example" in media:
                        yield f"{where}, {part}", media["schema"], media["example"]
                    for name, example in media.get("examples", {}).items():
                        yield f"{where}, {part} {name}", media["schema"], resolve(document, example)["value"]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    count, wrong = 0, []
    for where, schema, value in examples(document):
        count += 1
        whole = {**schema, "components": document["components"]}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        wrong += [f"{where}: {error.message}" for error in validator.iter_errors(value)]
    for line in wrong:
        print(line, file=sys.stderr)
    if wrong or count < 100:
        sys.exit(f"{len(wrong)} of {count} examples do not fit their schema")
    print(f"all {count} examples of the document fit their schema")


main()
