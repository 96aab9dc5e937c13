#!/bin/sh
# Writes the side input of query 13: a value for each remainder of 10,000.
set -eu
folder=${1:-nexmark_side_input}
mkdir -p "$folder"
awk 'BEGIN { for (key = 0; key < 10000; key++) printf "{\"key\":%d,\"value\":\"value of %d\"}\n", key, key }' \
  > "$folder/side_input.jsonl"
