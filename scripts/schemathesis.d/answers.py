"""Checks that each documented operation succeeded at least once, so that the run tested more than refusals."""

import json
import sys
from collections import Counter

DOCUMENT, NOTES = sys.argv[1], sys.argv[2]

with open(DOCUMENT, encoding="utf-8") as file:
    paths = json.load(file)["paths"]
with open(NOTES, encoding="utf-8") as file:
    notes = [line.rstrip("\n").split("\t") for line in file]

documented = {f"{method.upper()} {path}" for path, item in paths.items() for method in item}
# Requests with an undocumented method carry the label of a documented operation.
done = {label for label, method, status in notes if status == "200" and label.startswith(f"{method} ")}
if undone := sorted(documented - done):
    sys.exit(f"never answered by 200: {', '.join(undone)}")
codes = Counter(status for _, _, status in notes)
print(f"{len(notes)} answers: " + ", ".join(f"{codes[code]} of {code}" for code in sorted(codes)))
