#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image of the autograder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# The course needs Python 3.11, 3.12 or 3.13; which of them there is depends on the base image.
apt-get update
for version in 3.13 3.12 3.11; do
    if apt-get install -y "python$version" "python$version-venv"; then break; fi
done

"python$version" -m venv .venv
.venv/bin/python -m pip install --no-cache-dir -r requirements.txt -c constraints.txt
